from __future__ import annotations

import base64
import json
import re

import numpy as np
import pytest

from faceviz.display.scene import scene
from faceviz.display.settings import Settings
from faceviz.errors import MissingDependencyError
from faceviz.view import scene_html as module
from faceviz.view.scene_html import scene_data, scene_html, viewer_script
from tests.meshes import random_mesh
from tests.truthful import TruthfulPredictor


@pytest.fixture(scope="module")
def prediction():
    return TruthfulPredictor().predict(random_mesh(1, 400).with_(source="a<b>&.ply"))


@pytest.fixture(scope="module")
def page(prediction):
    return scene_html(scene(prediction, Settings()))


def floats(text: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), "<f4")


def test_the_page_names_no_address_to_load_from(page):
    loading = re.findall(
        r"""(?:src|href)\s*=\s*["'](?!data:)[^"']*|@import|import\s*\(|from\s*["']\w+:""", page
    )
    assert loading == []
    assert "default-src 'none'" in page


def test_the_name_of_the_scan_is_text_and_no_markup(page):
    assert "<h1>a&lt;b&gt;&amp;.ply</h1>" in page and "<b>&" not in page


def test_the_data_cannot_end_their_script_element(page):
    data = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)[1]
    assert "<" not in data
    assert json.loads(data)["wire"]["look"]["file"].startswith("a<b>")


@pytest.mark.parametrize("beside", ["truth", "difference", "nothing"])
def test_the_page_can_make_the_heat_of_any_landmark_as_the_library_does(prediction, beside):
    """What the script computes, done here: weights times the heat of the neighbours, for each pane."""
    spec = scene(prediction, Settings(beside=beside))
    data = scene_data(spec)["spread"]
    neighbours = np.frombuffer(base64.b64decode(data["neighbours"]), "<u4").reshape(-1, data["k"])
    weights = floats(data["weights"]).reshape(-1, data["k"])
    for landmark in (8, 30):
        expected = scene(prediction, Settings(beside=beside, landmark=landmark))
        assert len(data["heatmaps"]) == len(expected.panes)
        for text, pane in zip(data["heatmaps"], expected.panes, strict=True):
            heat = floats(text).reshape(-1, 68)[:, landmark]
            np.testing.assert_allclose((weights * heat[neighbours]).sum(axis=1), pane.heat, atol=1e-6)


def test_each_landmark_has_the_captions_that_its_scene_would_have(prediction):
    captions = scene_data(scene(prediction, Settings(landmark=3)))["captions"]
    for landmark, caption in ((None, captions[0]), (30, captions[31])):
        spec = scene(prediction, Settings(landmark=landmark))
        assert caption == {"label": spec.heat_label, "notes": [pane.note for pane in spec.panes]}


def test_a_viewer_without_export_is_said_to_need_a_build(monkeypatch, tmp_path):
    (tmp_path / "viewer.js").write_text("const a = 1;")
    monkeypatch.setattr(module, "VIEWER", tmp_path / "viewer.js")
    with pytest.raises(MissingDependencyError, match="make viewer"):
        viewer_script()
