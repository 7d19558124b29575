"""Single layers against outputs and gradients that Keras computed."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from faceviz.errors import ConfigError
from faceviz.models.reconstruction.layers import (
    ConvLstm,
    InvertedResidual,
    KerasBatchNorm,
    SameConv,
    SameTransposed,
    SqueezeExcite,
    same_padding,
)
from tests.models.reconstruction.keras_weights import fill, put

LSTMS = {
    "convlstm_s1_n12_seq": (1, "sigmoid"),
    "convlstm_s1_n11_seq": (1, "sigmoid"),
    "convlstm_s2_n12_seq": (2, "sigmoid"),
    "convlstm_s2_n11_seq": (2, "sigmoid"),
    "convlstm_last": (1, "sigmoid"),
    "convlstm_hard_keras2": (2, "hard_sigmoid"),
    "convlstm_hard_keras3": (2, "hard_sigmoid_keras3"),
}


@pytest.fixture(scope="module")
def references(shared_folder):
    with np.load(shared_folder / "data/report_b/keras_layer_references.npz") as arrays:
        yield {name: arrays[name] for name in arrays.files}


def weights(references, case, prefix="w"):
    names = [
        name for name in references if name.startswith(f"{case}/{prefix}") and name[len(case) + 2].isdigit()
    ]
    return iter(
        references[name] for name in sorted(names, key=lambda name: int(name.split("/")[1].split(":")[0][1:]))
    )


def to_channels_first(array):
    return torch.from_numpy(np.ascontiguousarray(np.moveaxis(array, -1, -3)))


def over_time(layer, x):
    state, outputs = None, []
    for t in range(x.shape[1]):
        y, state = layer(x[:, t], state)
        outputs.append(y)
    return torch.stack(outputs, dim=1)


@pytest.mark.shared
@pytest.mark.parametrize("case", LSTMS)
def test_a_convlstm_gives_the_outputs_of_keras(references, case):
    stride, recurrent = LSTMS[case]
    layer = ConvLstm(3, 6, stride, recurrent)
    fill(layer, weights(references, case))
    with torch.no_grad():
        y = over_time(layer, to_channels_first(references[f"{case}/x"]))
    expected = to_channels_first(references[f"{case}/y"])
    y = y if expected.ndim == 5 else y[:, -1]
    torch.testing.assert_close(y, expected, atol=1e-5, rtol=0)


@pytest.mark.shared
@pytest.mark.parametrize("case", ["convT4_s1", "convT4_s2"])
def test_a_transposed_convolution_gives_the_outputs_of_keras(references, case):
    layer = SameTransposed(4, 5, int(case[-1]))
    fill(layer, weights(references, case))
    y = layer(to_channels_first(references[f"{case}/x"]))
    torch.testing.assert_close(y, to_channels_first(references[f"{case}/y"]), atol=1e-5, rtol=0)


@pytest.mark.shared
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("size", [8, 9])
@pytest.mark.parametrize("kind", ["dw", "conv"])
def test_same_padding_is_asymmetric_where_that_of_keras_is(references, kind, size, stride):
    case = f"{kind}_s{stride}_n{size}"
    layer = SameConv(4, 4 if kind == "dw" else 5, 3, stride, groups=4 if kind == "dw" else 1)
    fill(layer, weights(references, case))
    y = layer(to_channels_first(references[f"{case}/x"]))
    torch.testing.assert_close(y, to_channels_first(references[f"{case}/y"]), atol=1e-5, rtol=0)


@pytest.mark.shared
def test_batch_normalisation_infers_as_keras_does(references):
    layer = KerasBatchNorm(4).eval()
    fill(layer, weights(references, "td_bn_infer"))
    x = to_channels_first(references["td_bn_infer/x"]).flatten(0, 1)
    expected = to_channels_first(references["td_bn_infer/y"]).flatten(0, 1)
    torch.testing.assert_close(layer(x), expected, atol=1e-5, rtol=0)


@pytest.mark.shared
def test_batch_normalisation_keeps_the_running_statistics_of_keras(references):
    case = "bn_train_merged_like_keras2"
    layer = KerasBatchNorm(4).train()
    fill(layer, weights(references, case))
    y = layer(to_channels_first(references[f"{case}/x"]))
    torch.testing.assert_close(y, to_channels_first(references[f"{case}/y"]), atol=1e-5, rtol=0)
    after = KerasBatchNorm(4)
    names = [name for name in references if name.startswith(f"{case}/after_w")]
    for tensor, name in zip(
        (after.weight, after.bias, after.running_mean, after.running_var), sorted(names), strict=True
    ):
        put(tensor, references[name])
    torch.testing.assert_close(layer.running_mean, after.running_mean, atol=1e-6, rtol=0)
    torch.testing.assert_close(layer.running_var, after.running_var, atol=1e-6, rtol=0)


@pytest.mark.shared
def test_inverted_residuals_give_the_outputs_of_keras(references):
    case = "invres_se_s2_n2"
    options = {"expansion": 6, "excite": True}
    blocks = nn.Sequential(
        InvertedResidual(8, 16, stride=2, **options),
        InvertedResidual(16, 16, stride=1, residual=True, **options),
    ).eval()
    arrays = weights(references, case)
    for block in blocks:
        fill(block, arrays)
    assert next(arrays, None) is None
    y = blocks(to_channels_first(references[f"{case}/x"]).flatten(0, 1))
    torch.testing.assert_close(y, to_channels_first(references[f"{case}/y"]).flatten(0, 1), atol=1e-5, rtol=0)


@pytest.mark.shared
def test_squeeze_and_excite_gives_the_output_of_keras(references):
    layer = SqueezeExcite(32)
    fill(layer, weights(references, "se_block"))
    y = layer(to_channels_first(references["se_block/x"]).flatten(0, 1))
    expected = to_channels_first(references["se_block/y"]).flatten(0, 1)
    torch.testing.assert_close(y, expected, atol=1e-5, rtol=0)


@pytest.mark.shared
def test_gradients_of_a_convlstm_are_those_of_keras(references):
    case = "convlstm_s2_n12_seq"
    layer = ConvLstm(3, 6, 2, "sigmoid")
    fill(layer, weights(references, case))
    x = to_channels_first(references[f"{case}/x"]).requires_grad_()
    y = over_time(layer, x)
    assert float(loss_of(y).detach()) == pytest.approx(float(references[f"{case}/loss"]), rel=1e-4)
    loss_of(y).backward()
    torch.testing.assert_close(x.grad, to_channels_first(references[f"{case}/gx"]), atol=1e-7, rtol=1e-3)
    expected = ConvLstm(3, 6, 2, "sigmoid")
    fill(expected, weights(references, case, "g"))
    torch.testing.assert_close(layer.input.weight.grad, expected.input.weight.data, atol=1e-7, rtol=1e-3)
    torch.testing.assert_close(
        layer.recurrent.weight.grad, expected.recurrent.weight.data, atol=1e-7, rtol=1e-3
    )


def loss_of(y):
    return ((y - 0.3) ** 2).mean()


def test_same_padding_covers_the_whole_axis():
    for size in range(3, 20):
        for stride in (1, 2):
            before, after = same_padding(size, 3, stride)
            assert (size + before + after - 3) // stride + 1 == -(-size // stride)


def test_the_forget_gate_begins_open():
    layer = ConvLstm(2, 3)
    assert layer.input.bias.tolist() == [0.0] * 3 + [1.0] * 3 + [0.0] * 6


def test_an_unknown_activation_names_the_nearest():
    with pytest.raises(ConfigError, match="did you mean 'hard_sigmoid'"):
        ConvLstm(2, 3, recurrent="hardsigmoid")
