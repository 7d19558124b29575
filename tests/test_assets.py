from __future__ import annotations

import pytest

from faceviz import assets
from faceviz.errors import FacevizError


def test_assets_are_found_in_the_work_tree():
    assert assets.path("README.md").read_text().startswith("# Assets")
    assert "README.md" in assets.names()


def test_an_installed_package_finds_its_own_copy_first(tmp_path, monkeypatch):
    (tmp_path / "_assets" / "models" / "tiny").mkdir(parents=True)
    monkeypatch.setattr(assets, "_PACKAGE", tmp_path)
    assert assets.path("models/tiny") == tmp_path / "_assets" / "models" / "tiny"
    assert assets.names("models") == ("tiny",)


def test_a_missing_asset_names_its_neighbours():
    with pytest.raises(FacevizError, match="there are: .*README.md"):
        assets.path("none.txt")


def test_nothing_outside_the_assets_is_given():
    with pytest.raises(FacevizError, match="outside"):
        assets.path("../pyproject.toml")
