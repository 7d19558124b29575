"""The spatial transformer of point clouds (T-Net): a small network that turns the cloud before another one sees it."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class SpatialTransformer(nn.Module):
    """``x -> x A``, A = I + f(max_i g(x_i)) a 3 x 3 matrix that the network chooses for each cloud.

    Jaderberg et al. 2015; for point clouds Qi et al. 2017 (PointNet, section 4.2). It learns to undo rotations as far
    as it has seen them; nothing makes it do so. At the start A is the identity.

    Args:
        widths: of the shared layers g, then of the layers f.
    """

    def __init__(self, widths: tuple[tuple[int, ...], tuple[int, ...]] = ((32, 64, 192), (96,))) -> None:
        super().__init__()
        shared, after = widths
        self.each = _layers((3, *shared), last=True)
        change = nn.Linear(after[-1], 9)
        nn.init.zeros_(change.weight)
        nn.init.zeros_(change.bias)
        self.all = nn.Sequential(_layers((shared[-1], *after), last=True), change)

    def matrix(self, points: Tensor) -> Tensor:
        """A (B, 3, 3) for clouds (B, N, 3)."""
        change = self.all(self.each(points).amax(dim=1)).unflatten(-1, (3, 3))
        return torch.eye(3, dtype=points.dtype, device=points.device) + change

    def forward(self, points: Tensor) -> Tensor:
        """(B, N, 3) to (B, N, 3)."""
        return points @ self.matrix(points)

    def penalty(self, points: Tensor) -> Tensor:
        """``|I - A A^T|^2``, mean over clouds (Qi et al. 2017, eq. 2): zero where A is orthogonal."""
        matrix = self.matrix(points)
        rest = torch.eye(3, dtype=points.dtype, device=points.device) - matrix @ matrix.transpose(-1, -2)
        return rest.square().sum((-1, -2)).mean()


def _layers(widths: tuple[int, ...], *, last: bool) -> nn.Sequential:
    parts: list[nn.Module] = []
    for i, (source, target) in enumerate(zip(widths[:-1], widths[1:], strict=True)):
        parts.append(nn.Linear(source, target))
        if last or i < len(widths) - 2:
            parts.append(nn.ReLU())
    return nn.Sequential(*parts)
