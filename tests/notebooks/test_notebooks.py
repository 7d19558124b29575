from __future__ import annotations

import ast
import base64
import io
import os
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from faceviz import assets
from tests.stream_model import untrained_stream

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))


def read(path: Path):
    import nbformat

    return nbformat.read(path, as_version=4)


def sources(notebook) -> list[str]:
    return [cell.source for cell in notebook.cells if cell.cell_type == "code"]


def outputs(notebook) -> list:
    return [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_kept_without_outputs_and_defines_no_functions(path):
    notebook = read(path)
    assert outputs(notebook) == []
    for node in ast.walk(ast.parse("\n".join(sources(notebook)))):
        assert not isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef)


def executed(stem: str, **variables: str):
    """A notebook after a run from top to bottom with variables in its environment, and what it printed."""
    from nbclient import NotebookClient

    path = next(path for path in NOTEBOOKS if path.stem == stem)
    environment = {**os.environ, "PYDEVD_DISABLE_FILE_VALIDATION": "1", **variables}
    client = NotebookClient(
        read(path), timeout=280, kernel_name="python3", resources={"metadata": {"path": str(path.parent)}}
    )
    notebook = client.execute(env=environment)
    return notebook, "".join(
        output.text
        for output in outputs(notebook)
        if output.output_type == "stream" and output.name == "stdout"
    )


def pictures(notebook) -> list[np.ndarray]:
    found = [
        output.data["image/png"] for output in outputs(notebook) if "image/png" in output.get("data", {})
    ]
    return [np.asarray(Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB")) for png in found]


@pytest.mark.slow
def test_the_scan_notebook_runs_and_shows_widget_numbers_and_picture():
    notebook, printed = executed("explore_scan")
    kinds = {kind for output in outputs(notebook) for kind in output.get("data", {})}
    assert {"application/vnd.jupyter.widget-view+json", "image/png"} <= kinds
    change = re.search(r"largest change of a heatmap in 10 poses: (\S+)", printed)
    assert change and float(change[1]) <= 1e-5


@pytest.fixture(scope="module")
def reconstructor(tmp_path_factory) -> str:
    """The default model, or one that has learnt nothing where the default's weights are not there."""
    if "faceviz-stream" in assets.names("models"):
        return "faceviz-stream"
    return str(untrained_stream(tmp_path_factory.mktemp("models") / "untrained"))


@pytest.mark.slow
def test_the_reconstruction_notebook_uses_every_image_and_compares_orders(reconstructor):
    notebook, printed = executed("reconstruction", FACEVIZ_RECONSTRUCTOR=reconstructor)
    kinds = {kind for output in outputs(notebook) for kind in output.get("data", {})}
    assert "application/vnd.jupyter.widget-view+json" in kinds
    used, skipped = map(int, re.search(r"(\d+) images used, (\d+) skipped", printed).groups())
    assert used + skipped == 16 and used >= 12
    assert printed.count("changed") == used
    mean, after = map(float, re.search(r"mean face (\S+) mm, after all images (\S+) mm", printed).groups())
    assert mean > 0 and after > 0
    if reconstructor == "faceviz-stream":
        assert after < mean
    end, spread = map(float, re.search(r"images: (\S+) mm, spread over orders (\S+) mm", printed).groups())
    assert end > 0 and spread >= 0
    (chart,) = pictures(notebook)
    assert chart.std() > 15 and min(chart.shape[:2]) > 250


@pytest.mark.slow
def test_the_notebook_on_own_data_reads_each_tree_as_it_lies_on_disk(reconstructor, tmp_path):
    from tests import own_data

    notebook, printed = executed(
        "your_own_data",
        FACEVIZ_RECONSTRUCTOR=reconstructor,
        FACESCAPE=str(own_data.facescape_tree(tmp_path / "facescape")),
        FACESCAPE_VIEWS=str(own_data.views_tree(tmp_path / "views")),
        BU4DFE=str(own_data.bu4dfe_tree(tmp_path / "bu4dfe")),
    )
    widgets = [
        o for o in outputs(notebook) if "application/vnd.jupyter.widget-view+json" in o.get("data", {})
    ]
    assert len(widgets) == 4
    assert "2 models of 1 people; first 1/1_neutral" in printed
    assert float(re.search(r"facescape:1/1_neutral: median error (\S+) mm", printed)[1]) < 8
    assert "7/1_neutral: 3 pictures, mesh there" in printed
    assert "1 clips of 1 people; F001: 16384 points in mm" in printed
    assert printed.count("pictures used") == 2 and "0 pictures used" not in printed


def test_the_notebook_on_own_data_leaves_out_what_is_not_named(monkeypatch, capsys):
    for name in ("FACESCAPE", "FACESCAPE_VIEWS", "BU4DFE"):
        monkeypatch.delenv(name, raising=False)
    path = next(path for path in NOTEBOOKS if path.stem == "your_own_data")
    exec("\n".join(sources(read(path))), {})
    assert capsys.readouterr().out.count("not named") == 3


@pytest.mark.slow
def test_the_equivariance_notebook_finds_each_mistake_and_mends_it():
    notebook, printed = executed("equivariance")
    kinds = {kind for output in outputs(notebook) for kind in output.get("data", {})}
    assert "application/vnd.jupyter.widget-view+json" in kinds
    layers, mistakes, spheres = pictures(notebook)
    assert all(picture.std() > 15 and min(picture.shape[:2]) > 250 for picture in (layers, mistakes, spheres))
    with_mistakes, ours = re.search(r"heat: (\S+) with the mistakes, (\S+) ours", printed).groups()
    assert float(with_mistakes) > 0.05 and float(ours) < 1e-5
    vectors, heat = re.search(r"last layer: (\S+)\s+heatmaps: (\S+)", printed).groups()
    assert float(vectors) < 1e-8 and float(heat) > 0.01
    mended = re.search(r"all mended: turned (\S+), shifted (\S+), shuffled (\S+)", printed).groups()
    assert max(map(float, mended)) < 1e-8
    assert float(re.search(r"^ours +largest change (\S+)", printed, re.M)[1]) < 1e-5
