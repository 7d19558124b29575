"""The report's network: its sizes, streaming, and equality with Keras."""

from __future__ import annotations

import os

import numpy as np
import pytest
import torch

from faceviz.errors import ConfigError, ShapeError
from faceviz.models.reconstruction.thomassen2022 import Thomassen2022, Thomassen2022Config
from tests.models.reconstruction.keras_weights import fill

_PARAMETERS = 43_359_947  # 43.36 M, running statistics included, as Keras counts


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return Thomassen2022().eval()


@pytest.fixture(scope="module")
def images():
    return torch.rand(1, 4, 3, 256, 256, generator=torch.Generator().manual_seed(1))


def test_the_network_has_as_many_parameters_as_the_report_s(network):
    buffers = sum(b.numel() for name, b in network.named_buffers() if "running" in name)
    assert sum(p.numel() for p in network.parameters()) + buffers == _PARAMETERS


def test_images_one_at_a_time_give_what_images_at_once_give(network, images):
    with torch.inference_mode():
        at_once, state = network(images), None
        for t in range(images.shape[1]):
            points, state = network.step(images[:, t], state)
    assert points.shape == (1, 16384, 3)
    torch.testing.assert_close(points, at_once, atol=1e-5, rtol=0)


def test_a_carried_state_goes_on_where_it_was_left(network, images):
    with torch.inference_mode():
        state = None
        for t in range(2):
            _, state = network.step(images[:, t], state)
        continued = network(images[:, 2:], state)
        torch.testing.assert_close(continued, network(images), atol=1e-5, rtol=0)


def test_the_size_of_the_state_does_not_grow(network, images):
    sizes, state = [], None
    with torch.inference_mode():
        for t in range(3):
            _, state = network.step(images[:, t], state)
            sizes.append(sum(memory.hidden.numel() + memory.cell.numel() for memory in state))
    assert len(set(sizes)) == 1


def test_the_width_multiplier_narrows_what_the_report_s_code_narrows():
    network = Thomassen2022(Thomassen2022Config(alpha=0.5))
    lstms = [layer.hidden for layer in network.encoder if hasattr(layer, "hidden")]
    blocks = [layer.project.out_channels for layer in network.encoder if hasattr(layer, "project")]
    assert lstms == [16, 24, 32, 64, 96, 512, 512]
    assert blocks == [8, 80, 80, 160]


def test_no_image_and_unknown_settings_are_refused(network):
    with pytest.raises(ShapeError, match="T >= 1"):
        network(torch.zeros(1, 0, 3, 256, 256))
    with pytest.raises(ConfigError, match="did you mean 'alpha'"):
        Thomassen2022Config.from_dict({"alhpa": 1.0})


@pytest.mark.slow
def test_keras_gives_the_same_points_from_the_same_weights(network, images):
    if os.environ.setdefault("KERAS_BACKEND", "torch") != "torch":
        pytest.skip("KERAS_BACKEND names another backend than torch")
    pytest.importorskip("keras", reason="the parity test needs Keras: pip install keras")
    reference = keras_network(times=3)
    rng = np.random.default_rng(0)
    weights = [_unlike_the_initial(w.path, w.numpy(), rng) for w in reference.weights]
    reference.set_weights(weights)
    arrays = iter(weights)
    for layer in (*network.encoder, *network.decoder):
        fill(layer, arrays)
    assert next(arrays, None) is None
    sequence = images[:, :3]
    with torch.inference_mode():
        expected = reference(sequence.permute(0, 1, 3, 4, 2), training=False).cpu()
        points = network(sequence)
    assert expected.std() > 1e-3
    torch.testing.assert_close(points, expected, atol=1e-4, rtol=0)


def _unlike_the_initial(path, values, rng):
    """Statistics, scales and biases away from zero and one, so that a mistaken one is seen; kernels as they are."""
    if "variance" in path or "gamma" in path:
        return rng.uniform(0.5, 1.5, values.shape).astype(np.float32)
    return values + rng.normal(0, 0.05, values.shape).astype(np.float32) if values.ndim == 1 else values


def keras_network(times):
    """Table 1 of the report, in Keras."""
    from keras import Input, Model, layers, ops

    def gates(x):  # the hard sigmoid of Keras 2
        return ops.clip(0.2 * x + 0.5, 0.0, 1.0)

    def each(layer):
        return layers.TimeDistributed(layer)

    def lstm(x, filters, stride=1, last=False):
        options = {"padding": "same", "strides": stride, "recurrent_activation": gates}
        return layers.ConvLSTM2D(filters, 3, return_sequences=not last, **options)(x)

    def normalised(x, active=True):
        x = each(layers.BatchNormalization())(x)
        return each(layers.ReLU(max_value=6.0))(x) if active else x

    def residual(x, filters, expansion, stride, add=False):
        inner = x.shape[-1] * expansion
        y = normalised(each(layers.Conv2D(inner, 1, padding="same"))(x))
        y = normalised(each(layers.DepthwiseConv2D(3, strides=stride, padding="same"))(y))
        weights = each(layers.GlobalAveragePooling2D(keepdims=True))(y)
        weights = each(layers.Dense(inner // 16, activation="relu", use_bias=False))(weights)
        weights = each(layers.Dense(inner, activation="sigmoid", use_bias=False))(weights)
        y = layers.Multiply()([y, weights])
        y = normalised(each(layers.Conv2D(filters, 1, padding="same"))(y), active=False)
        return layers.Add()([y, x]) if add else y

    images = Input((times, 256, 256, 3))
    x = residual(lstm(images, 32, 2), 16, 1, 1)
    for filters, stride in ((24, 2), (32, 2), (64, 2), (96, 1)):
        x = lstm(x, filters, stride)
    x = residual(x, 160, 6, 2)
    x = residual(x, 160, 6, 1, add=True)
    x = residual(x, 320, 6, 1)
    x = lstm(lstm(x, 512), 512, last=True)
    for filters, stride in ((512, 1), (256, 2), (128, 2), (64, 2), (32, 2), (16, 1), (8, 1), (3, 1)):
        activation = "tanh" if filters == 3 else "relu"
        x = layers.Conv2DTranspose(filters, 4, strides=stride, padding="same", activation=activation)(x)
    return Model(images, layers.Reshape((2**14, 3))(x))
