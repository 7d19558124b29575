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


def executed(stem: str):
    """A notebook after a run from top to bottom, and what it printed."""
    from nbclient import NotebookClient

    path = next(path for path in NOTEBOOKS if path.stem == stem)
    environment = {**os.environ, "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
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
