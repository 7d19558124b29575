from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import cKDTree

from faceviz.errors import ConfigError
from faceviz.synth import VirtualScanner
from faceviz.synth import scanner as scanner_module
from faceviz.synth.crops import CROPS


def _with(scanner: VirtualScanner, **changes) -> VirtualScanner:
    return VirtualScanner(**{**scanner.__dict__, **changes})


def test_a_scan_has_the_points_asked_for_landmarks_and_no_triangles(head, rng):
    scan = VirtualScanner().scan(head.sample(rng), rng)
    assert scan.points.shape == (8192, 3) and scan.landmarks.shape == (68, 3)
    assert scan.triangles is None and scan.unit == "mm"


@pytest.mark.parametrize("count", [1, 300, 20000])
def test_any_number_of_points_can_be_asked_for(anny, rng, count):
    assert len(VirtualScanner(count=count).scan(anny.sample(rng), rng)) == count


@pytest.mark.parametrize("crop", CROPS)
def test_every_crop_can_be_scanned_and_is_named_in_the_source(anny, rng, crop):
    scan = VirtualScanner().scan(anny.sample(rng, source="synth:anny:id17"), rng, crop=crop)
    assert scan.source == f"synth:anny:id17:crop={crop}"


def test_the_same_generator_gives_the_same_scan_bit_for_bit(head):
    mesh = head.sample(np.random.default_rng(0))
    first, second = (VirtualScanner().scan(mesh, np.random.default_rng(9)) for _ in range(2))
    np.testing.assert_array_equal(first.points, second.points)
    np.testing.assert_array_equal(first.landmarks, second.landmarks)


def test_scanning_does_not_touch_the_mesh(anny, rng):
    mesh = anny.sample(rng)
    before = mesh.vertices.copy(), mesh.triangles.copy(), mesh.labels.copy(), mesh.landmarks.copy()
    for crop in CROPS:
        VirtualScanner(mirror=1.0).scan(mesh, rng, crop=crop)
    for old, new in zip(before, (mesh.vertices, mesh.triangles, mesh.labels, mesh.landmarks), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize("crop", ["tight", "face", "ears", "bust", "whole_head"])
def test_inner_landmarks_lie_on_the_scanned_surface(head, crop):
    scanner = VirtualScanner(count=30000, holes=0.0, eye_holes=0.0, clutter=False)
    distances = []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        scan = scanner.scan(head.sample(rng), rng, crop=crop)
        distances.append(cKDTree(scan.points).query(scan.landmarks[17:])[0])
    distances = np.stack(distances)
    assert np.median(distances) < 2.0
    assert (distances < 6.0).mean() > 0.95


def test_mirrored_scans_have_their_landmarks_on_the_right_side(head):
    scanner = VirtualScanner(mirror=1.0)
    for seed in range(4):
        rng = np.random.default_rng(seed)
        marks = scanner.scan(head.sample(rng), rng).landmarks
        assert marks[45, 0] - marks[36, 0] > 60 and marks[54, 0] - marks[48, 0] > 25


def test_a_mirrored_scan_is_the_mirror_image(head, clean_scanner):
    mesh = head.sample(np.random.default_rng(1))
    plain = clean_scanner.scan(mesh, np.random.default_rng(2), crop="face")
    mirrored = _with(clean_scanner, mirror=1.0).scan(mesh, np.random.default_rng(2), crop="face")
    np.testing.assert_array_equal(mirrored.landmarks[36], plain.landmarks[45] * [-1, 1, 1])
    lips = cKDTree(mirrored.points).query(mirrored.landmarks[48:])[0]
    assert lips.max() < 8


def _extent(head, scanner, crop: str, seeds: int = 5) -> np.ndarray:
    """Mean half widths of the scans of a crop, (3,) mm."""
    sizes = []
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        sizes.append(np.ptp(scanner.scan(head.mesh(), rng, crop=crop).points, axis=0) / 2)
    return np.mean(sizes, axis=0)


def test_crops_differ_in_size(head, clean_scanner):
    size = {
        crop: np.linalg.norm(_extent(head, clean_scanner, crop))
        for crop in ("sphere", "face", "ears", "bust", "whole_head")
    }
    assert max(size["sphere"], size["face"]) < size["ears"] < size["bust"]
    assert size["whole_head"] > 1.3 * size["face"]


def test_only_the_whole_head_shows_its_back(head, clean_scanner):
    mesh = head.mesh()
    behind = mesh.landmarks[[0, 16], 2].mean() - 70
    for crop, expected in (("whole_head", True), ("face", False), ("tight", False)):
        scan = clean_scanner.scan(mesh, np.random.default_rng(0), crop=crop)
        assert ((scan.points[:, 2] < behind).mean() > 0.1) == expected


def test_a_profile_holds_more_of_one_side(head, clean_scanner):
    for seed in range(5):
        points = clean_scanner.scan(head.mesh(), np.random.default_rng(seed), crop="profile").points
        share = (points[:, 0] > 0).mean()
        assert abs(share - 0.5) > 0.08


def test_what_a_single_camera_cannot_see_is_not_sampled(head, clean_scanner, monkeypatch):
    open3d = pytest.importorskip("open3d")
    front = np.array([0.0, 0.0, 1.0])
    monkeypatch.setattr(scanner_module, "camera_directions", lambda cameras, rng: [front])
    mesh = head.sample(np.random.default_rng(8), expression=True)
    scan = clean_scanner.scan(mesh, np.random.default_rng(0), crop="face")
    scene = open3d.t.geometry.RaycastingScene()
    scene.add_triangles(mesh.vertices.astype(np.float32), mesh.triangles.astype(np.uint32))

    def hidden_share(points: np.ndarray) -> float:
        starts = points + 500.0 * front
        hits = scene.cast_rays(np.c_[starts, np.tile(-front, (len(starts), 1))].astype(np.float32))["t_hit"]
        return float((hits.numpy() < 500.0 - 8.0).mean())

    everything = mesh.vertices[mesh.vertices[:, 2] > scan.points[:, 2].min()]
    assert hidden_share(everything) > 0.1
    assert hidden_share(scan.points) < 0.01


def test_eyeballs_are_seen_from_in_front_only(head, clean_scanner):
    mesh = head.mesh()
    eyes = mesh.vertices[mesh.mask("eyeballs")]
    right = eyes[eyes[:, 0] < 0]
    centre, radius = right.mean(axis=0), np.linalg.norm(right - right.mean(axis=0), axis=1).mean()
    points = _with(clean_scanner, count=30000).scan(mesh, np.random.default_rng(0), crop="whole_head").points
    near = points[np.linalg.norm(points - centre, axis=1) < 1.05 * radius]
    assert len(near) > 20
    assert (near[:, 2] > centre[2] - 2.0).mean() > 0.98


def test_without_eyeballs_there_are_holes_in_the_face(head, clean_scanner):
    mesh = head.mesh()
    eyes = mesh.vertices[mesh.mask("eyeballs")]
    lids = mesh.landmarks[36:42].mean(axis=0)
    in_front = eyes[eyes[:, 2] > lids[2] - 10.0]
    pupil = in_front[((in_front - lids)[:, :2] ** 2).sum(axis=1).argmin()]
    scanner = _with(clean_scanner, count=30000)
    whole = scanner.scan(mesh, np.random.default_rng(0), crop="face").points
    holed = _with(scanner, eye_holes=1.0).scan(mesh, np.random.default_rng(0), crop="face").points
    assert cKDTree(whole).query(pupil)[0] < 1.5 < 2.5 < cKDTree(holed).query(pupil)[0]


def test_noise_moves_points_by_less_than_a_millimetre(head, clean_scanner):
    mesh = head.mesh()
    dense = _with(clean_scanner, count=60000).scan(mesh, np.random.default_rng(1), crop="ears")
    noisy = _with(clean_scanner, depth_noise=0.7, waviness=0.6)
    off = cKDTree(dense.points).query(noisy.scan(mesh, np.random.default_rng(1), crop="tight").points)[0]
    clean = cKDTree(dense.points).query(
        clean_scanner.scan(mesh, np.random.default_rng(1), crop="tight").points
    )[0]
    assert np.median(clean) < np.median(off) < 1.5


def test_hair_adds_surface_outside_the_head(anny):
    mesh = anny.mesh()
    reach = {}
    for clutter in (False, True):
        scanner = VirtualScanner(count=2000, clutter=clutter, warp=False, mirror=0.0, outliers=0.0)
        scans = [scanner.scan(mesh, np.random.default_rng(i), crop="bust").points for i in range(12)]
        reach[clutter] = [np.sqrt((p[p[:, 1] > 60] ** 2).sum(axis=1)).max(initial=0) for p in scans]
    assert np.mean(reach[True]) > np.mean(reach[False]) + 8


def test_shares_decide_the_crop(anny, rng):
    scanner = VirtualScanner(count=100, crops={"tight": 1.0, "face": 0.0})
    names = {scanner.scan(anny.mesh(), rng).source.rpartition("=")[2] for _ in range(10)}
    assert names == {"tight"}


def test_sizes_and_shapes_vary_beyond_the_head_model(anny):
    mesh = anny.mesh()
    marks = [
        VirtualScanner(count=50).scan(mesh, np.random.default_rng(i), crop="face").landmarks
        for i in range(30)
    ]
    width = [np.linalg.norm(m[45] - m[36]) for m in marks]
    assert 0.02 < np.std(width) / np.mean(width) < 0.08


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"count": 0}, "at least one point"),
        ({"crops": {"tigt": 1.0}}, "did you mean 'tight'"),
        ({"crops": {}}, "positive sum"),
        ({"crops": {"tight": -1.0}}, "positive sum"),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        VirtualScanner(**settings)
