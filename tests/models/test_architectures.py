import numpy as np
import pytest
import torch

from faceviz.errors import ConfigError
from faceviz.models.architectures import ARCHITECTURES, build_network, graph_for, network_settings

CLOUD = np.random.default_rng(0).normal(size=(2, 60, 3))
SMALL = {
    "se3unet": {"sizes": [40, 24, 20], "encoder": [1, 1, 1], "decoder": [1, 1]},
    "ordinary": {"sizes": [40, 24, 20, 10], "encoder": [1, 1, 1, 1]},
    "ferraretto2024": {"k": 12, "hidden": 2, "max_degree": 1},
}


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_architecture_takes_its_own_graph_and_gives_logits_in_the_order_of_the_points(architecture):
    network = build_network(architecture, SMALL[architecture]).eval()
    graph = graph_for(network, CLOUD).to(dtype=torch.float32)
    with torch.no_grad():
        heat = graph.scatter_back(network(graph).sigmoid())
    assert heat.shape == (2, 60, 68)
    torch.testing.assert_close(heat[0], network.heatmaps(CLOUD[0].astype(np.float32)), atol=1e-4, rtol=0)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_settings_come_back_as_they_went(architecture):
    network = build_network(architecture, SMALL[architecture])
    again = build_network(architecture, network_settings(network))
    assert again.config == network.config


def test_an_unknown_architecture_names_the_nearest():
    with pytest.raises(ConfigError, match="did you mean 'ordinary'"):
        build_network("ordinry")
