from __future__ import annotations

import io
import json
from types import SimpleNamespace

import numpy as np
import pytest

from faceviz.io import write_scan
from faceviz.testing import random_face
from tests.apps.conftest import Hand


class PairHand(Hand):
    def drop(self, which: int, name: str, content: bytes) -> None:
        self.app._on_upload(which, SimpleNamespace(new={name: content}))
        self.settle()


@pytest.fixture
def hand(predictor, monkeypatch, notices):
    from widgets import pairing, scans
    from widgets.pairing import CompareApp

    monkeypatch.setattr(pairing, "predictor", lambda _: predictor)
    monkeypatch.setattr(scans, "samples", lambda: {"One": 1, "Two": 2})
    hand = PairHand(CompareApp())
    hand.app.sidebar()
    hand.settle()
    return hand


def test_opening_the_tab_compares_the_two_samples(hand):
    page = hand.app.page
    assert [pane.title for pane in page.view.spec.panes] == ["random_face(1)", "random_face(2)"]
    assert "mm" in page.mean.object and len(page.grid.value) == 68
    distances = page.grid.value["Distance"].to_numpy()
    assert (np.diff(distances) <= 0).all(), "the farthest comes first"


def test_nothing_is_read_before_the_tab_is_opened(predictor, monkeypatch):
    from widgets import pairing
    from widgets.pairing import CompareApp

    monkeypatch.setattr(pairing, "predictor", lambda _: pytest.fail("it was read"))
    assert not CompareApp().working


def test_another_alignment_and_other_colours_are_drawn(hand):
    page = hand.app.page
    before = page.view.spec
    page.align.value = "all"
    hand.settle()
    assert page.view.spec.panes[1].landmarks[30] == pytest.approx(
        hand.app.pair.comparison.to_first(hand.app.pair.second.unmoved.landmarks)[30]
    )
    assert hand.app.pair.comparison.align == "all"
    page.shade.value = "heat"
    hand.settle()
    assert page.view.spec.heat_range == (0.0, 1.0) != before.heat_range


def test_a_row_a_click_and_the_chooser_choose_the_same_landmark(hand):
    page = hand.app.page
    page.grid.selection = [0]
    assert page.landmark.value == int(page.grid.value["#"].iloc[0])
    page.landmark.value = 8
    assert page.grid.value["#"].iloc[page.grid.selection[0]] == 8
    assert "landmark 8" in page.view.spec.panes[1].note


def test_a_dropped_scan_takes_the_place_of_the_second(hand, tmp_path):
    write_scan(tmp_path / "mine.npz", random_face(5, 600))
    hand.drop(1, "mine.npz", (tmp_path / "mine.npz").read_bytes())
    assert hand.app.page.view.spec.panes[1].title == "mine.npz"
    assert hand.app.page.choosers[1].value.source == "mine.npz"
    saved = json.load(hand.app.page.download.callback())
    assert saved["second"] == "mine.npz" and len(saved["landmarks"]) == 68


def test_a_bad_file_is_said_and_the_former_pair_stays(hand, notices):
    before = hand.app.pair
    hand.drop(0, "text.ply", b"a letter")
    assert notices and notices[0].startswith("text.ply: ") and hand.app.pair is before
    assert isinstance(hand.app.page.download.callback(), io.StringIO)
