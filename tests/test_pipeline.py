import json

import numpy as np
import pytest
import torch

from faceviz.errors import CheckpointError, GeometryError, NoFaceError
from faceviz.geometry.sampling import farthest_point_order
from faceviz.geometry.transforms import random_pose
from faceviz.heatmaps import landmarks_to_heatmaps
from faceviz.io.weights import save_weights
from faceviz.models.se3_unet import Se3Unet, Se3UnetConfig
from faceviz.pipeline import LandmarkPredictor
from faceviz.scan import FaceScan
from faceviz.testing import assert_equivariant, random_face

SMALL = {
    "sizes": [256, 64, 16], "k": 8, "scalars": [16, 16, 16], "vectors": [4, 4, 4], "value_scalars": [4, 4, 4],
    "value_vectors": [4, 4, 4], "encoder": [1, 1, 1], "decoder": [1, 1], "heads": 2, "radial": 4,
}  # fmt: skip


def small_network():
    torch.manual_seed(0)
    return Se3Unet(Se3UnetConfig.from_dict(SMALL))


@pytest.fixture
def model_folder(tmp_path):
    save_weights(
        tmp_path / "tiny", small_network().state_dict(), {"architecture": "se3unet", "network": SMALL}
    )
    return tmp_path / "tiny"


@pytest.fixture(scope="module")
def trained():
    """The default model that comes with the package."""
    return LandmarkPredictor.from_pretrained(device="cpu")


def test_raw_mode_feeds_every_point_as_it_is(model_folder):
    predictor, scan = LandmarkPredictor.from_pretrained(model_folder, device="cpu"), random_face(0, 300)
    prediction = predictor.predict(scan, raw=True)
    np.testing.assert_array_equal(prediction.points, scan.points)
    np.testing.assert_array_equal(prediction.heatmaps, predictor.heatmaps(scan.points))


def test_a_folder_gives_the_network_that_was_saved(model_folder):
    points = random_face(0, 256).points / 100
    expected = small_network().eval().heatmaps(points).numpy()
    np.testing.assert_allclose(
        LandmarkPredictor.from_pretrained(model_folder).heatmaps(points), expected, atol=1e-6
    )


def test_an_unknown_model_is_an_error_that_lists_what_exists():
    with pytest.raises(CheckpointError, match="no model named 'nothing'"):
        LandmarkPredictor.from_pretrained("nothing")


def test_truncated_weights_are_an_error(model_folder):
    weights = model_folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(CheckpointError, match="damaged"):
        LandmarkPredictor.from_pretrained(model_folder)


def test_weights_of_another_network_are_an_error(model_folder):
    config = json.loads((model_folder / "config.json").read_text())
    config["network"]["heads"] = 4
    (model_folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match="do not fit"):
        LandmarkPredictor.from_pretrained(model_folder)


def test_a_misspelt_setting_in_a_model_folder_names_the_nearest(model_folder):
    config = json.loads((model_folder / "config.json").read_text())
    config["network"]["radail"] = 4
    (model_folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match="did you mean 'radial'"):
        LandmarkPredictor.from_pretrained(model_folder)


def test_weights_that_were_exchanged_are_noticed(model_folder):
    config = json.loads((model_folder / "config.json").read_text())
    config["sha256"] = "0" * 64
    (model_folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match="checksum"):
        LandmarkPredictor.from_pretrained(model_folder)


@pytest.mark.parametrize(
    ("points", "words"),
    [
        (random_face(0, 9).points, "fewer than"),
        (np.full((300, 3), 1.5), "equal"),
        (np.linspace(0, 1, 300)[:, None] * [1.0, 2.0, 3.0], "line"),
    ],
    ids=["few", "equal", "line"],
)
@pytest.mark.parametrize("raw", [False, True])
def test_degenerate_scans_are_refused(model_folder, points, words, raw):
    with pytest.raises(GeometryError, match=f"^scan.ply: .*{words}"):
        LandmarkPredictor.from_pretrained(model_folder).predict(FaceScan(points, source="scan.ply"), raw=raw)


def ball(rng):
    points = rng.normal(size=(4000, 3))
    return points / np.linalg.norm(points, axis=1, keepdims=True)


def slab(rng):
    return rng.uniform(size=(4000, 3)) * [1.0, 1.0, 0.01]


@pytest.mark.parametrize(
    "shape", [ball, slab, lambda rng: rng.uniform(size=(4000, 3))], ids=["ball", "slab", "cube"]
)
def test_the_default_model_finds_no_face_where_there_is_none(trained, shape, rng):
    with pytest.raises(NoFaceError, match="^thing: no face was found"):
        trained.predict(FaceScan(shape(rng), source="thing"))


@pytest.mark.slow
def test_the_default_model_is_invariant_in_single_and_double_precision(trained, sample_scan):
    """Clouds are stored in the precision under test, up to 10 radii away: their own rounding is part of the change."""
    cloud = trained.prepare(sample_scan).normalised
    assert_equivariant(trained.heatmaps, cloud.astype(np.float32), poses=100)
    double = LandmarkPredictor(Se3Unet(trained.network.config).double(), device="cpu")
    double.network.load_state_dict(trained.network.state_dict())
    assert_equivariant(double.heatmaps, cloud, poses=20)


def test_landmarks_follow_the_scan_in_any_pose_and_unit(trained, sample_scan):
    still = trained.predict(sample_scan)
    pose = random_pose(np.random.default_rng(1), 500.0)
    moved = trained.predict(sample_scan.transformed(pose))
    assert np.abs(moved.landmarks - pose.apply(still.landmarks)).max() < 1e-3
    in_metres = trained.predict(FaceScan(sample_scan.points / 1000, sample_scan.triangles, unit="m"))
    assert np.abs(in_metres.landmarks * 1000 - still.landmarks).max() < 1e-3
    assert in_metres.unit == "m"


def test_the_sample_scan_has_its_landmarks_found(trained, sample_scan):
    prediction = trained.predict(sample_scan)
    error = np.linalg.norm(prediction.landmarks - sample_scan.landmarks, axis=1)
    assert np.median(error[17:]) < 3.0
    assert prediction.heatmaps.shape == (len(sample_scan), 68)
    assert 0.0 <= prediction.heatmaps.min() and prediction.heatmaps.max() <= 1.0


def test_a_mirrored_scan_swaps_left_and_right(trained, sample_scan):
    from faceviz.landmarks import MIRROR

    flip = np.array([-1.0, 1.0, 1.0])
    still = trained.predict(FaceScan(sample_scan.points, unit="mm"))
    mirrored = trained.predict(FaceScan(sample_scan.points * flip, unit="mm"))
    error = np.linalg.norm(mirrored.landmarks * flip - still.landmarks[MIRROR], axis=1)
    unswapped = np.linalg.norm(mirrored.landmarks * flip - still.landmarks, axis=1)
    assert np.median(error) < 3.0
    assert np.median(unswapped) > 20.0


def test_heat_on_the_scan_peaks_near_the_landmark(trained, sample_scan):
    prediction = trained.predict(sample_scan)
    hottest = sample_scan.points[prediction.heatmaps.argmax(axis=0)]
    assert np.median(np.linalg.norm(hottest - prediction.landmarks, axis=1)) < 5.0


def test_preparing_chooses_the_same_cloud_as_farthest_points(trained, sample_scan):
    prepared = trained.prepare(sample_scan)
    assert prepared.points.shape == (1024, 3)
    order = farthest_point_order(prepared.points, 200, start=0)
    np.testing.assert_array_equal(order, np.arange(200))
    assert landmarks_to_heatmaps(prepared.points, sample_scan.landmarks, prepared.sigma).max() > 0.9
