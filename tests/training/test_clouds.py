from dataclasses import replace

import numpy as np
import pytest

from faceviz.errors import GeometryError
from faceviz.geometry.sampling import farthest_point_order
from faceviz.regions import face_sphere
from faceviz.testing import random_face
from faceviz.training.clouds import (
    CloudFolder,
    augment,
    region_cloud,
    scan_to_clouds,
    targets,
    whole_cloud,
    write_shard,
)


@pytest.fixture(scope="module")
def scan():
    return random_face(0, 4000)


def test_a_whole_cloud_is_centred_with_radius_one(scan):
    cloud = whole_cloud(scan, 500)
    back = cloud.points * cloud.mm + scan.centroid
    assert np.abs(cloud.points).max() <= 1.0 + 1e-12 and cloud.mm == pytest.approx(scan.radius)
    np.testing.assert_allclose(back, scan.points[farthest_point_order(scan.points, 500)])


def test_a_region_cloud_lies_in_the_sphere_around_the_landmarks(scan):
    cloud = region_cloud(scan, keep=500)
    centre, radius = face_sphere(scan.landmarks)
    assert np.linalg.norm(cloud.points, axis=1).max() <= 1.0
    np.testing.assert_allclose(cloud.landmarks * radius + centre, scan.landmarks, atol=1e-9)


def test_a_scan_without_points_in_the_region_gives_no_region_cloud(scan):
    far = scan.with_(points=scan.points + 1000.0)
    with pytest.raises(GeometryError, match="0 points lie in the face region"):
        region_cloud(far)
    assert len(scan_to_clouds(far, np.random.default_rng(0))) == 1


def test_shards_come_back_as_written_and_new_ones_are_seen(tmp_path, scan):
    clouds = [whole_cloud(scan), region_cloud(scan)]
    write_shard(tmp_path / "000000.npz", clouds)
    folder = CloudFolder(tmp_path)
    assert len(folder) == 2
    np.testing.assert_allclose(folder[1].points, clouds[1].points, atol=1e-6)
    write_shard(tmp_path / "000002.npz", clouds[:1])
    assert folder.refresh() == 3
    assert not list(tmp_path.glob("*.partial"))


def test_a_folder_of_a_longer_run_gives_the_clouds_of_the_scans_asked_for(tmp_path, scan):
    whole, face = whole_cloud(scan, 500), region_cloud(scan, keep=500)
    pairs = [replace(cloud, scan=number) for number in range(6) for cloud in (whole, face)]
    write_shard(tmp_path / "000000.npz", pairs)
    assert [cloud.scan for cloud in CloudFolder(tmp_path, 4)] == [0, 0, 1, 1, 2, 2, 3, 3]
    alternating = list(CloudFolder(tmp_path, 4, views=1))
    assert [cloud.scan for cloud in alternating] == [0, 1, 2, 3]
    for cloud, expected in zip(alternating, (whole, whole, face, face), strict=True):
        np.testing.assert_array_equal(cloud.landmarks, expected.landmarks.astype(np.float32))


def test_a_shard_that_does_not_say_which_scans_it_holds_is_taken_whole(tmp_path, scan):
    write_shard(tmp_path / "000000.npz", [whole_cloud(scan, 500)] * 4)
    assert len(CloudFolder(tmp_path, 2)) == 4


def test_augmentation_keeps_landmarks_on_the_surface_and_the_number_of_points(scan):
    cloud = whole_cloud(scan)
    for seed in range(20):
        points, landmarks = augment(cloud, np.random.default_rng(seed), 1024)
        assert points.shape == (1024, 3)
        nearest = np.linalg.norm(points[:, None] - landmarks[None], axis=2).min(axis=0)
        assert np.median(nearest) < 0.06


def test_targets_are_single_precision_heatmaps(scan):
    cloud = whole_cloud(scan, 300)
    heat = targets(cloud.points, cloud.landmarks)
    assert heat.dtype == np.float32 and heat.shape == (300, 68) and heat.max() > 0.7
