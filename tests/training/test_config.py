from pathlib import Path

import pytest

from faceviz.errors import ConfigError
from faceviz.models.architectures import build_network
from faceviz.training import read_config
from faceviz.training.reconstruction_config import read_reconstruction_config

CONFIGS = sorted((Path(__file__).parents[2] / "configs").glob("*.yaml"))
RECONSTRUCTION = [path for path in CONFIGS if {"architecture: faceviz-stream", "architecture: thomassen2022"}
                  & set(path.read_text().splitlines())]  # fmt: skip
LANDMARKS = [path for path in CONFIGS if path not in RECONSTRUCTION]


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_the_committed_configurations_are_read(path):
    read = read_reconstruction_config if path in RECONSTRUCTION else read_config
    assert read(path).optimiser.learning_rate > 0


@pytest.mark.parametrize("path", LANDMARKS, ids=lambda path: path.name)
def test_the_network_of_every_landmark_configuration_can_be_built(path):
    config = read_config(path)
    network = build_network(config.architecture, config.network)
    assert sum(p.numel() for p in network.parameters()) < 2.5e6


def test_the_recipe_of_the_report_is_the_report_s():
    config = read_config(CONFIGS[0].with_name("report_a.yaml"))
    o, loss = config.optimiser, config.loss
    assert (o.name, o.learning_rate, o.schedule, o.epochs, o.batch) == ("adam", 8.5e-5, "restarts", 35, 3)
    assert (loss.omega, loss.theta, loss.epsilon, loss.alpha) == (14.0, 0.5, 1.0, 2.1)
    network = build_network(config.architecture, config.network)
    assert not any(vars(network.config.compat).values())


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
