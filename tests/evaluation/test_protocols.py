from __future__ import annotations

import numpy as np
import pytest

from faceviz.errors import ConfigError
from faceviz.evaluation.protocols import PROTOCOLS, apply_protocol, choose_protocols, normalise, perturbation


def test_the_seven_columns_come_in_the_order_of_the_table():
    assert [p.name for p in choose_protocols("all")] == [
        "none",
        "icp_r",
        "icp_t",
        "icp_rt",
        "st_r",
        "st_t",
        "st_rt",
    ]
    assert [p.name for p in choose_protocols("st_rt, none,st_rt")] == ["st_rt", "none"]


def test_an_unknown_protocol_names_the_nearest():
    with pytest.raises(ConfigError, match="did you mean 'icp_rt'"):
        choose_protocols("none,icp-rt")


def test_a_normalised_scan_has_1024_points_centroid_zero_and_radius_one(scans):
    cloud = normalise(scans[0])
    assert cloud.points.shape == (1024, 3)
    np.testing.assert_allclose(cloud.points.mean(axis=0), 0, atol=1e-12)
    assert np.linalg.norm(cloud.points, axis=1).max() == pytest.approx(1.0)
    with pytest.raises(ConfigError, match="bumpy 0.*no true landmarks"):
        normalise(scans[0].with_(landmarks=None))


def test_each_protocol_moves_as_its_name_says_and_is_seeded_by_scan():
    moves = {name: perturbation(protocol, 7, 2) for name, protocol in PROTOCOLS.items()}
    np.testing.assert_array_equal(moves["none"].matrix, np.eye(4))
    np.testing.assert_array_equal(moves["st_r"].translation, 0)
    np.testing.assert_array_equal(moves["st_t"].rotation, np.eye(3))
    np.testing.assert_array_equal(moves["st_rt"].rotation, moves["icp_r"].rotation)
    np.testing.assert_array_equal(moves["st_rt"].translation, moves["icp_t"].translation)
    assert 0 < np.linalg.norm(moves["st_t"].translation) <= 10
    assert np.abs(moves["st_r"].rotation - perturbation(PROTOCOLS["st_r"], 7, 3).rotation).max() > 0.01


@pytest.mark.parametrize("name", ["icp_r", "icp_t", "icp_rt"])
def test_realignment_to_the_scan_itself_undoes_the_move(scans, name):
    cloud = normalise(scans[0])
    aligned = apply_protocol(PROTOCOLS[name], cloud, cloud, seed=0, index=0)
    np.testing.assert_allclose(aligned.points, cloud.points, atol=1e-9)


def test_realignment_to_another_scan_brings_centre_and_landmarks_close(scans):
    cloud, reference = normalise(scans[0]), normalise(scans[0].with_(points=scans[0].points[:1400]))
    aligned = apply_protocol(PROTOCOLS["icp_rt"], cloud, reference, seed=0, index=0)
    assert np.abs(aligned.landmarks - reference.landmarks).max() < 0.02
