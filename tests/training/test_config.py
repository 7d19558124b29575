from pathlib import Path

import pytest

from faceviz.errors import ConfigError
from faceviz.training import read_config

CONFIGS = sorted((Path(__file__).parents[2] / "configs").glob("*.yaml"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_the_committed_configurations_are_read(path):
    assert read_config(path).optimiser.steps > 0


def write(tmp_path, text):
    path = tmp_path / "run.yaml"
    path.write_text(text)
    return path


def test_a_misspelt_key_is_named_with_the_nearest(tmp_path):
    with pytest.raises(ConfigError, match="'optimiser.learning_rte'; did you mean 'learning_rate'"):
        read_config(write(tmp_path, "optimiser: {learning_rte: 0.1}"))


def test_a_misspelt_section_is_named_with_the_nearest(tmp_path):
    with pytest.raises(ConfigError, match="'optimizer'; did you mean 'optimiser'"):
        read_config(write(tmp_path, "optimizer: {batch: 2}"))


@pytest.mark.parametrize("text", ["optimiser: {batch: 0}", "data: {scans: many}", "- 3", "{", "a: [1"])
def test_values_that_do_not_fit_name_the_file(tmp_path, text):
    with pytest.raises(ConfigError, match="run.yaml"):
        read_config(write(tmp_path, text))


def test_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        read_config(tmp_path / "nothing.yaml")
