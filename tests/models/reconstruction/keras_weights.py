"""Weights of Keras layers, in Keras's order and layout, put into ours."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import nn

from faceviz.models.reconstruction.layers import ConvLstm, InvertedResidual, SqueezeExcite


def fill(layer: nn.Module, weights: Iterator[np.ndarray]) -> None:
    """Take as many arrays from ``weights`` as the layer needs."""
    if isinstance(layer, ConvLstm):
        put(layer.input.weight, next(weights).transpose(3, 2, 0, 1))
        put(layer.recurrent.weight, next(weights).transpose(3, 2, 0, 1))
        put(layer.input.bias, next(weights))
    elif isinstance(layer, InvertedResidual):
        for part in (layer.expand, layer.expand_norm, layer.depthwise, layer.depthwise_norm, layer.excite):
            fill(part, weights)
        fill(layer.project, weights)
        fill(layer.project_norm, weights)
    elif isinstance(layer, SqueezeExcite):
        put(layer.squeeze.weight, next(weights).T)
        put(layer.excite.weight, next(weights).T)
    elif isinstance(layer, nn.BatchNorm2d):
        for tensor in (layer.weight, layer.bias, layer.running_mean, layer.running_var):
            put(tensor, next(weights))
    elif isinstance(layer, nn.ConvTranspose2d | nn.Conv2d):
        depthwise = layer.groups > 1
        put(layer.weight, next(weights).transpose((2, 3, 0, 1) if depthwise else (3, 2, 0, 1)))
        put(layer.bias, next(weights))
    else:
        assert isinstance(layer, nn.Identity), layer


def put(tensor: torch.Tensor, values: np.ndarray) -> None:
    assert tensor.shape == values.shape, (tensor.shape, values.shape)
    with torch.no_grad():
        tensor.copy_(torch.from_numpy(np.ascontiguousarray(values)))
