from __future__ import annotations

import numpy as np
import pytest

from faceviz.display.settings import Settings, rotation_to_degrees
from faceviz.errors import ConfigError
from faceviz.geometry.transforms import euler_to_rotation, random_rotation


def test_an_unknown_setting_is_refused_and_the_nearest_is_named():
    with pytest.raises(ConfigError, match="'treshold' does not exist; did you mean 'threshold'"):
        Settings.of({"treshold": 0.3})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("landmark", 68),
        ("threshold", 1.0),
        ("threshold", float("nan")),
        ("body", "mesh"),
        ("colormap", "jet"),
        ("rotation_deg", (1.0, 2.0)),
        ("translation", (0.0, float("inf"), 0.0)),
    ],
)
def test_a_value_that_does_not_fit_is_refused_in_one_line_that_names_its_key(key, value):
    with pytest.raises(ConfigError, match=f"^setting {key}") as caught:
        Settings.of({key: value})
    assert "\n" not in str(caught.value)


def test_settings_survive_json():
    settings = Settings.of(landmark=30, rotation_deg=(10, 20, 30), colormap="cividis", dark=True)
    assert Settings.of(Settings.model_validate_json(settings.model_dump_json()).model_dump()) == settings


def test_a_changed_copy_leaves_the_original_alone():
    settings = Settings()
    assert settings.with_(landmark=3).landmark == 3
    assert settings.landmark is None


def test_the_pose_turns_about_the_centre_and_then_shifts(rng):
    centre = rng.normal(size=3) * 100
    pose = Settings.of(rotation_deg=(20, -40, 70), translation=(1, 2, 3)).pose(centre)
    np.testing.assert_allclose(pose.apply(centre), centre + [1, 2, 3], atol=1e-12)
    np.testing.assert_allclose(pose.rotation, euler_to_rotation(*np.deg2rad([20, -40, 70])), atol=1e-12)


def test_angles_read_from_a_rotation_make_that_rotation_again(rng):
    for _ in range(20):
        rotation = random_rotation(rng)
        angles = np.deg2rad(rotation_to_degrees(rotation))
        np.testing.assert_allclose(euler_to_rotation(*angles), rotation, atol=1e-9)


def test_settings_survive_a_web_address():
    settings = Settings.of(
        landmark=30,
        threshold=0.35,
        rotation_deg=(10.5, -20, 0),
        beside="model",
        second="ordinary",
        protocol="icp",
    )
    query = settings.to_query()
    assert all(isinstance(text, str) for text in query.values()) and query["rotation_deg"] == "10.5,-20,0"
    assert Settings.from_query(query) == settings
    assert Settings().to_query() == {}


@pytest.mark.parametrize("query", [{"threshold": "much"}, {"rotation_deg": "1,2"}, {"landmarc": "3"}])
def test_an_address_that_makes_no_sense_is_refused_in_one_line(query):
    with pytest.raises(ConfigError) as caught:
        Settings.from_query(query)
    assert "\n" not in str(caught.value)
