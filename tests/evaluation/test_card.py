import json
from pathlib import Path

import pytest

from faceviz import assets
from faceviz.evaluation.card import model_card, with_uncertainty
from faceviz.training import LandmarkTrainingConfig

TRAINING = {
    "config_file": "configs/x.yaml", "sources": ["anny"], "commit": "c" * 40, "steps": 90, "minutes": 3.0,
    "validation_iou": 0.5, "validation_mm": 4.0, "notes": ["begun twice"],
}  # fmt: skip


def description(architecture, network=None, training=None, **sections):
    config = LandmarkTrainingConfig(**sections).model_dump(mode="json")
    return {
        "architecture": architecture,
        "network": network or {},
        "training": {**TRAINING, "config": config, **(training or {})},
        "sha256": "d" * 64,
    }


def test_an_ordinary_network_is_not_said_to_be_invariant():
    card = model_card("x", description("ordinary", {"sizes": [9, 4]}, data={"rotate": False, "tilt": 4}))
    assert "**Not invariant**" in card and "9 / 4 points" in card
    assert "upright, tilted by 4 degrees" in card
    assert "invariant under rotation" not in card
    assert "spatial transformer" in model_card("x", description("ordinary", {"transformer": True}))


def test_the_published_network_names_the_mistakes_it_keeps():
    mended = description("ferraretto2024", {"compat": {"vector_head": False}})
    kept = description("ferraretto2024", {"compat": {"vector_head": True, "hard_edges": False}})
    assert "mistakes mended" in model_card("x", mended)
    assert "1 of its mistakes (vector_head)" in model_card("x", kept)


def test_the_card_says_how_it_was_trained():
    card = model_card(
        "x", description("se3unet", training={"epochs": 4.5}, optimiser={"epochs": 35, "accumulate": 2})
    )
    assert "--config configs/x.yaml" in card and "in any orientation" in card and "- begun twice" in card
    assert "one cloud of each" not in card
    assert "one cloud of each" in model_card("x", description("se3unet", data={"views": 1}))
    assert "90 steps of 4 x 2 clouds (4.5 of 35 epochs) in 3.0 minutes" in card


@pytest.mark.parametrize("name", [n for n in assets.names("models") if "README" not in n])
def test_the_cards_of_all_models_that_come_with_faceviz_name_their_weights(name):
    folder = Path(assets.path(f"models/{name}"))
    sha256 = json.loads((folder / "config.json").read_text())["sha256"]
    assert sha256 in (folder / "README.md").read_text()


def test_the_section_on_uncertainty_is_written_anew_and_nothing_else_is_touched():
    from faceviz.uncertainty import LEVELS

    record = {
        "fitted_on": {"description": "some people", "spec": "a"},
        "checked_on": {"description": "other people", "spec": "b"},
        "curve": {"expected": LEVELS.tolist(), "observed": LEVELS.tolist()},
        "largest_gap": 0.01,
        "error_over_deviation": {"rms": 1.0, "worst_landmark": {"landmark": 8, "name": "chin", "rms": 1.1}},
        "most_uncertain": {"ratio": 2.0},
        "provenance": {"commit": "abc"},
    }
    card = "# mine\n\nText.\n\n## Figures\n\nMore.\n"
    once = with_uncertainty(card, record)
    assert once.startswith(card) and once.count("## Uncertainty") == 1 and "8 chin 1.10" in once
    again = with_uncertainty(once, record | {"largest_gap": 0.5})
    assert again.count("## Uncertainty") == 1 and "0.500" in again and again.startswith(card)
