from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.spatial import cKDTree

from faceviz import assets
from faceviz.io import read_scan
from faceviz.synth.samples import write_samples

NAMES = ("sample_neutral", "sample_smile", "sample_whole_head")


@pytest.fixture(scope="module")
def made(anny, tmp_path_factory):
    folder = tmp_path_factory.mktemp("samples")
    write_samples(folder)
    return folder


@pytest.mark.parametrize("name", NAMES)
def test_the_samples_that_come_with_faceviz_can_be_made_again(made, name):
    ours, shipped = read_scan(made / f"{name}.ply"), read_scan(assets.path(f"scans/{name}.ply"))
    np.testing.assert_array_equal(ours.triangles, shipped.triangles)
    np.testing.assert_allclose(ours.points, shipped.points, atol=0.01)
    np.testing.assert_allclose(ours.landmarks, shipped.landmarks, atol=0.01)


@pytest.mark.parametrize("name", NAMES)
def test_samples_are_small_meshes_in_millimetres_with_landmarks_on_them(name):
    path = assets.path(f"scans/{name}.ply")
    scan = read_scan(path)
    assert path.stat().st_size < 800_000
    assert scan.unit == "mm" and len(scan.triangles) > 10_000
    assert cKDTree(scan.points).query(scan.landmarks[17:])[0].max() < 3


@pytest.mark.parametrize("name", NAMES)
def test_samples_name_their_licence(name):
    document = json.loads(assets.path(f"scans/{name}.landmarks.json").read_text())
    assert document["licence"].startswith("CC0") and np.shape(document["landmarks"]) == (68, 3)
