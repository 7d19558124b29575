from __future__ import annotations

import numpy as np
import pytest

from faceviz.synth.expressions import PRESETS, arkit_name, random_expression, stem

NAMES = ("eyeBlinkLeft", "eyeBlinkRight", "jawOpen", "jawLeft", "jawRight", "mouthSmileLeft", "mouthSmileRight",
         "mouthLeft", "mouthRight", "browDownLeft", "browDownRight", "cheekPuff", "mouthClose")  # fmt: skip


def _draws(count: int = 400) -> np.ndarray:
    return np.stack([random_expression(NAMES, np.random.default_rng(seed)) for seed in range(count)])


@pytest.mark.parametrize(
    ("name", "expected"), [("mouthSmile_L", "mouthSmileLeft"), ("jawRight", "jawRight"), ("a_R", "aRight")]
)
def test_names_of_other_models_become_arkit_names(name, expected):
    assert arkit_name(name) == expected


def test_the_stem_drops_the_side_but_keeps_directions():
    assert [stem(name) for name in ("eyeBlinkLeft", "mouthLeft", "jawRight", "jawOpen")] == [
        "eyeBlink", "mouthLeft", "jawRight", "jawOpen",
    ]  # fmt: skip


def test_weights_lie_between_zero_and_one():
    draws = _draws()
    assert draws.min() >= 0.0 and draws.max() <= 1.0


def test_some_faces_are_neutral_some_have_the_mouth_open_some_the_eyes_closed():
    draws = _draws()
    assert 0.15 < (draws == 0).all(axis=1).mean() < 0.45
    assert 0.05 < (draws[:, NAMES.index("jawOpen")] > 0.2).mean() < 0.4
    assert 0.12 < (draws[:, 0] > 0.65).mean() < 0.35


def test_both_eyes_close_together():
    draws = _draws()
    np.testing.assert_array_equal(draws[:, 0], draws[:, 1])


def test_the_jaw_never_goes_left_and_right_at_once():
    draws = _draws()
    assert not ((draws[:, 3] > 0) & (draws[:, 4] > 0)).any()


def test_presets_use_arkit_stems(anny):
    stems = {stem(name) for name in anny.ex_names}
    assert {name for preset in PRESETS.values() for name in preset} <= stems
