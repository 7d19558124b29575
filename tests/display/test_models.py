from __future__ import annotations

import pytest

from faceviz.display.models import folders_from_environment, known_models


@pytest.fixture
def folder(tmp_path):
    for name in ("mine", "ordinary"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text("{}")
    (tmp_path / "no_model").mkdir()
    return tmp_path


def test_our_model_comes_first_and_goes_by_its_title():
    assert next(iter(known_models().items())) == ("Ours", "se3unet")


def test_a_folder_of_models_gives_all_of_them_and_nothing_else(folder):
    added = {title: name for title, name in known_models([str(folder)]).items() if str(folder) in name}
    assert set(added.values()) == {str(folder / "mine"), str(folder / "ordinary")}
    assert "mine" in added


def test_two_models_of_one_name_are_told_apart(folder):
    titles = list(known_models([str(folder / "mine"), str(folder)]))
    assert {"mine", "mine (2)"} <= set(titles)


def test_a_folder_that_is_not_there_adds_nothing(tmp_path):
    assert known_models([str(tmp_path / "gone")]) == known_models()


def test_folders_are_named_by_the_environment(monkeypatch):
    monkeypatch.setenv("FACEVIZ_MODELS", "/a:/b")
    assert folders_from_environment() == ["/a", "/b"]
