from __future__ import annotations

import ast
import os
import re
from pathlib import Path

import pytest

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


@pytest.mark.slow
def test_the_scan_notebook_runs_and_shows_widget_numbers_and_picture():
    from nbclient import NotebookClient

    path = next(path for path in NOTEBOOKS if path.stem == "explore_scan")
    environment = {**os.environ, "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
    client = NotebookClient(
        read(path), timeout=200, kernel_name="python3", resources={"metadata": {"path": str(path.parent)}}
    )
    notebook = client.execute(env=environment)
    kinds = {kind for output in outputs(notebook) for kind in output.get("data", {})}
    assert {"application/vnd.jupyter.widget-view+json", "image/png"} <= kinds
    printed = "".join(output.text for output in outputs(notebook) if output.output_type == "stream")
    change = re.search(r"largest change of a heatmap in 10 poses: (\S+)", printed)
    assert change and float(change[1]) <= 1e-5
