from __future__ import annotations

import doctest
import importlib
import pkgutil
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import faceviz
from faceviz import assets
from tests.stream_model import untrained_stream

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
FLAGS = doctest.ELLIPSIS
RUNNABLE = [path for path in PAGES if ">>>" in path.read_text(encoding="utf-8")]
LOADED = re.compile(r"""<(?:link|script|img|iframe|source)\b[^>]*\b(?:href|src)=["'](https?:)?//""")


def documented_modules() -> list[str]:
    found = pkgutil.walk_packages(faceviz.__path__, "faceviz.")
    files = {info.name: ROOT / (info.name.replace(".", "/") + ".py") for info in found}
    return [
        name for name, path in files.items() if path.is_file() and ">>>" in path.read_text(encoding="utf-8")
    ]


@pytest.fixture(scope="module")
def stream_model(tmp_path_factory) -> str:
    """For pages that show how a reconstruction model is used."""
    return str(untrained_stream(tmp_path_factory.mktemp("models") / "tiny"))


@pytest.fixture
def desk(tmp_path, monkeypatch) -> Path:
    """Where the reader of a page sits: a scan, a folder of two, three pictures."""
    for name in ("neutral", "smile"):
        for end in ("ply", "landmarks.json"):
            source = assets.path(f"scans/sample_{name}.{end}")
            (tmp_path / "scans").mkdir(exist_ok=True)
            shutil.copy(source, tmp_path / "scans")
            if name == "smile":
                shutil.copy(source, tmp_path / f"face.{end}")
    (tmp_path / "photos").mkdir()
    for number in range(3):
        shutil.copy(assets.path(f"sequences/sample/{number:02d}.jpg"), tmp_path / "photos")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("page", RUNNABLE, ids=lambda path: path.relative_to(DOCS).as_posix())
def test_the_examples_of_a_page_run_and_print_what_it_says(page, desk, stream_model):
    names = {"model": stream_model, "np": np}
    result = doctest.testfile(
        str(page), module_relative=False, globs=names, optionflags=FLAGS, encoding="utf-8"
    )
    assert result.attempted > 0 and result.failed == 0


@pytest.mark.parametrize("name", documented_modules())
def test_the_examples_in_docstrings_run(name):
    result = doctest.testmod(importlib.import_module(name), optionflags=FLAGS)
    assert result.attempted > 0 and result.failed == 0


def test_every_picture_is_small_and_shows_something():
    pictures = sorted((DOCS / "_static").rglob("*.webp"))
    assert pictures
    for path in pictures:
        assert path.stat().st_size < 150_000, path.name
        assert np.asarray(Image.open(path).convert("L")).std() > 8, f"{path.name} is blank"


def test_every_picture_is_on_a_page_and_every_page_has_its_pictures():
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    named = set(re.findall(r"_static/([\w./-]+\.webp)", text))
    assert named == {
        path.relative_to(DOCS / "_static").as_posix() for path in (DOCS / "_static").rglob("*.webp")
    }


@pytest.mark.slow
def test_the_site_builds_without_a_warning_and_loads_nothing_from_elsewhere(tmp_path):
    command = [sys.executable, "-m", "sphinx", "-q", "-b", "html", "-W", str(DOCS), str(tmp_path / "site")]
    built = subprocess.run(
        [*command, "-d", str(tmp_path / "doctrees")], capture_output=True, text=True, cwd=ROOT
    )
    assert built.returncode == 0, built.stderr
    pages = sorted((tmp_path / "site").rglob("*.html"))
    assert len(pages) > len(PAGES)
    for page in pages:
        assert not LOADED.search(page.read_text(encoding="utf-8")), page.name
    commands = (tmp_path / "site" / "commands.html").read_text(encoding="utf-8")
    assert "faceviz landmarks" in commands and "Usage: faceviz train reconstruction" in commands
