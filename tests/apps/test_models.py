from __future__ import annotations

import numpy as np
import pytest

from faceviz.display import state
from faceviz.errors import CheckpointError
from faceviz.evaluation.equivariance import SphereErrors, sphere_axes
from faceviz.evaluation.layer_trace import LayerError
from tests.truthful import TruthfulPredictor


@pytest.fixture
def other():
    leaky = TruthfulPredictor(leak=0.3)
    leaky.name = "ordinary"
    return leaky


@pytest.fixture
def app(app, predictor, other, tmp_path, monkeypatch):
    """With another model, in a folder, to choose from."""
    from widgets import jobs

    (tmp_path / "ordinary").mkdir()
    (tmp_path / "ordinary" / "config.json").write_text("{}")

    def known(name: str):
        if name.endswith("broken"):
            raise CheckpointError(f"{name}: no such model; name a folder")
        return other if name.endswith("ordinary") else predictor

    monkeypatch.setattr(jobs, "predictor", known)
    app.other = str(tmp_path / "ordinary")
    return app


@pytest.fixture
def compared(hand, app):
    """Both models side by side, on a turned scan."""
    app.page.models.folder.value = app.other
    hand.settle()
    hand.turn(0, 40, 0, 0, 0, 0)
    return app


def test_a_named_folder_joins_the_choosers_and_stands_beside_at_once(compared):
    assert compared.other in compared.page.models.model.options.values()
    assert [pane.title for pane in compared.page.view.spec.panes] == ["truthful", "Ordinary"]
    assert compared.page.models.folder.value == ""


def test_two_models_hang_on_the_same_sliders(hand, compared):
    assert compared.shown.second.change > 0.1 > 1e-6 > compared.shown.moved.change
    hand.turn(10, 20, 30, 4, 5, 6)
    np.testing.assert_allclose(compared.shown.second.pose.matrix, compared.shown.moved.pose.matrix)


def test_another_model_takes_the_first_place_and_its_meter_starts_anew(hand, app):
    hand.turn(0, 40, 0, 0, 0, 0)
    app.page.models.folder.value = app.other
    hand.settle()
    app.page.models.model.value = app.other
    hand.settle()
    assert app.shown.moved.loaded.model == "ordinary" and "broken" in app.page.meter.object
    assert app.shown.moves == 1


def test_a_folder_without_a_model_is_a_notice_and_nothing_changes(hand, app, notices):
    before = dict(app.page.models.model.options)
    app.page.models.folder.value = "/nowhere/broken"
    hand.settle()
    assert notices == ["/nowhere/broken: no such model; name a folder"]
    assert app.page.models.model.options == before and app.page.models.beside.value == "truth"


def test_a_protocol_that_aligns_first_hides_the_change(hand, compared):
    compared.page.models.protocol.value = "icp"
    hand.settle()
    assert compared.shown.second.change < 1e-3
    compared.page.models.protocol.value = "none"
    hand.settle()
    assert compared.shown.second.change == 0


def test_the_trace_is_measured_while_its_tab_is_open_for_both_models(hand, compared, monkeypatch):
    asked = []

    def trace(moved):
        asked.append(moved.loaded.model)
        return (LayerError("head", "Logits", 0.5, {0: 0.5}),)

    monkeypatch.setattr(state, "trace", trace)
    hand.turn(0, 30, 0, 0, 0, 0)
    assert asked == []
    compared.page.tabs.active = 1
    hand.settle()
    shown = compared.measuring.layers.pane.object
    assert asked == ["truthful", "ordinary"] and "Logits" in shown and "Ordinary" in shown
    compared.page.pose.reset.clicks += 1
    hand.settle()
    assert "Turn or shift the scan" in compared.measuring.layers.pane.object


def test_the_sphere_is_measured_by_a_button_shows_its_progress_and_can_be_cancelled(
    hand, compared, monkeypatch
):
    def sphere(loaded):
        for j in range(1, 9):
            change = np.full((3, 8), np.nan)
            change[:, :j] = 0.25
            yield SphereErrors(sphere_axes(8), np.array([30.0, 90.0, 180.0]), change, 1 - change)

    monkeypatch.setattr(state, "sphere", sphere)
    tab = compared.measuring.sphere
    tab.button.clicks += 1
    hand.settle()
    assert tab.button.label == "Measure" and "IoU 0.750" in tab.pane.object and "Ordinary" in tab.pane.object

    monkeypatch.setattr(state, "sphere", lambda loaded: iter(lambda: next(sphere(loaded)), None))
    tab.button.clicks += 1
    while "progressbar" not in tab.pane.object:
        pass
    assert tab.button.label == "Cancel" and compared.working
    tab.button.clicks += 1
    hand.settle()
    assert tab.button.label == "Measure" and not compared.working


def test_another_scan_forgets_what_was_measured(hand, compared):
    compared.measuring.layers.show({"ordinary": (LayerError("head", "Logits", 0.5, {0: 0.5}),)})
    compared.page.sample.value = list(compared.page.sample.options.values())[1]
    hand.settle()
    assert "Logits" not in compared.measuring.layers.pane.object
    assert len(compared.page.view.spec.panes) == 2
