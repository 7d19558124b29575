"""The wheel in an environment that has nothing but what it asks for.

The environment is made of links to the packages that the core dependencies need, and theirs, out of those installed
here: no extra, no test package, nothing of the work tree, no network.
"""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
EXTRAS = (
    "panel",
    "lightning",
    "dask",
    "onnx",
    "PySide6",
    "anny",
    "dgl",
    "pytest",
    "hypothesis",
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    pytest.importorskip("hatchling", reason="the wheel is built without the network: pip install hatchling")
    folder = tmp_path_factory.mktemp("dist")
    code = "from hatchling.build import build_wheel; print(build_wheel(__import__('sys').argv[1]))"
    subprocess.run([sys.executable, "-c", code, str(folder)], cwd=ROOT, check=True, capture_output=True)
    (found,) = folder.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def python(wheel, tmp_path_factory) -> Path:
    """The interpreter of an environment with the wheel and the core dependencies alone."""
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    for name in needed("faceviz"):
        link(metadata.distribution(name), packages)
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(packages)
    return folder / "bin/python"


def needed(name: str) -> set[str]:
    """What a distribution needs, and what that needs, without extras."""
    found: set[str] = set()
    waiting = [Requirement(name)]
    while waiting:
        parent = waiting.pop()
        for text in metadata.requires(parent.name) or ():
            child = Requirement(text)
            wanted = child.marker is None or any(
                child.marker.evaluate({"extra": extra}) for extra in ("", *parent.extras)
            )
            if wanted and child.name not in found:
                found.add(child.name)
                waiting.append(child)
    return found


def link(package: metadata.Distribution, into: Path) -> None:
    for name in {file.parts[0] for file in package.files or () if file.parts[0] not in ("..", "__pycache__")}:
        source, target = Path(str(package.locate_file(name))), into / name
        if source.exists() and not target.exists():
            target.symlink_to(source)


def run(python: Path, code: str, *arguments: object, cwd: Path) -> subprocess.CompletedProcess:
    command = [python, "-I", "-c", code, *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True)


CLI = "from faceviz.cli import main; main()"


def test_no_extra_is_in_the_environment(python, tmp_path):
    code = "import importlib.util as u; print([n for n in " + repr(EXTRAS) + " if u.find_spec(n)])"
    assert run(python, code, cwd=tmp_path).stdout.strip() == "[]"


def test_the_wheel_finds_the_landmarks_of_its_own_sample(python, tmp_path):
    code = "from faceviz import assets; print(assets.path('scans/sample_neutral.ply'))"
    sample = run(python, code, cwd=tmp_path).stdout.strip()
    assert "site-packages" in sample, "the sample is that of the wheel"
    answer = run(python, CLI, "landmarks", sample, "--json", tmp_path / "out.json", cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
    found = json.loads((tmp_path / "out.json").read_text())
    assert len(found["landmarks"]) == 68


@pytest.mark.parametrize(("command", "extra"), [
    (["app"], "gui"), (["export", "se3unet", "-o", "x.onnx"], "export"),
])  # fmt: skip
def test_a_command_whose_extra_is_missing_names_it(python, tmp_path, command, extra):
    answer = run(python, CLI, *command, cwd=tmp_path)
    assert answer.returncode == 2, answer.stderr
    assert f'pip install "faceviz[{extra}]"' in answer.stderr
    assert len(answer.stderr.splitlines()) == 1
