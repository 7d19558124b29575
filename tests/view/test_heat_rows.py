import numpy as np
import pytest
from PIL import Image

from faceviz.errors import ConfigError
from faceviz.evaluation.protocols import normalise
from faceviz.heatmaps import SIGMA, landmarks_to_heatmaps
from faceviz.testing import random_face
from faceviz.view.heat_rows import (
    SHOWN_LANDMARKS,
    SHOWN_PROTOCOLS,
    landmark_heat_figure,
    protocol_figure,
    protocol_heat,
    subject,
    write_picture,
)


class Rigid:
    """Right as long as nothing moves."""

    name = "rigid"

    def __init__(self, cloud):
        self.cloud = cloud

    def heatmaps(self, points):
        return landmarks_to_heatmaps(points, self.cloud.landmarks, SIGMA)


@pytest.fixture(scope="module")
def one():
    return subject(random_face(0, 1500))


def panes(image, count):
    """The pictures of a row, without the notes above the scan and the colour bar below."""
    height = image.shape[0]
    return np.split(image[int(0.12 * height) : int(0.85 * height)].astype(int), count, axis=1)


def test_a_subject_has_the_network_s_cloud_and_the_whole_scan_in_its_frame(one):
    scan = random_face(0, 1500)
    cloud = normalise(scan)
    assert len(one.cloud.points) == 1024 and len(one.scan) == 1500
    np.testing.assert_allclose(one.scan.landmarks, cloud.landmarks)
    nearest = np.linalg.norm(one.scan.points[:, None] - cloud.points[None, ::50], axis=2).min(axis=0)
    assert nearest.max() < 1e-9


def test_without_truth_there_is_no_subject():
    with pytest.raises(ConfigError, match="true landmarks"):
        subject(random_face(0).with_(landmarks=None))


def test_truth_and_a_perfect_prediction_look_alike(one):
    image = landmark_heat_figure(one, Rigid(one.cloud))
    middle = image.shape[0] - image.shape[0] // 2
    columns = 1 + len(SHOWN_LANDMARKS)
    assert image.shape[1] % columns == 0 and image.dtype == np.uint8
    above, below = image[60 : middle - 60], image[middle : 2 * middle - 120]
    assert len(np.unique(above.reshape(-1, 3), axis=0)) > 200 and below.std() > 20


def test_a_model_that_breaks_when_moved_is_seen_to_break(one):
    image = protocol_figure(one, [Rigid(one.cloud)])
    shown = panes(image, 1 + len(SHOWN_PROTOCOLS))
    change = [np.abs(pane - shown[0]).mean() for pane in shown]
    by_name = dict(zip(("truth", *SHOWN_PROTOCOLS), change, strict=True))
    assert by_name["none"] < 0.5 and by_name["icp_rt"] < 0.5
    assert by_name["st_t"] > 5 and by_name["st_rt"] > 5


def test_light_and_dark_differ_in_their_paper(one):
    light, dark = (protocol_figure(one, [Rigid(one.cloud)], dark=dark) for dark in (False, True))
    assert light[0, 0].min() > 250 and dark[0, 0].max() < 60


def test_protocols_move_the_cloud_and_icp_brings_it_back(one):
    still = protocol_heat(one.cloud, Rigid(one.cloud), "none", 0)
    np.testing.assert_allclose(protocol_heat(one.cloud, Rigid(one.cloud), "icp_rt", 0), still, atol=1e-4)
    assert protocol_heat(one.cloud, Rigid(one.cloud), "st_t", 0).max() < 1e-6


def test_a_picture_appears_whole(one, tmp_path):
    image = np.zeros((40, 60, 3), dtype=np.uint8)
    path = write_picture(image, tmp_path / "a.png")
    assert Image.open(path).size == (60, 40) and len(list(tmp_path.iterdir())) == 1
