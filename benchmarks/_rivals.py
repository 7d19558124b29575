"""One block of the published network, three attention layers with k neighbours, in several implementations.

Each is a function of points (N, 3) that gives a vector for each point, geometry included: degrees 0 to 2 inside, the
same channels. ``ours`` in three settings; ``original``, the formulation of the published code with the message passing
of DGL; ``lucidrains`` and ``e3nn``, if they are installed.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from faceviz.models.published.attention import DglAttention
from faceviz.models.published.basis import kernel_basis, spherical_harmonics
from faceviz.models.published.config import PublishedConfig
from faceviz.models.published.edges import GroupedEdges
from faceviz.models.published.fibers import Fiber
from faceviz.models.published.layers import AttentionLayer, Neighbourhoods, NormBias
from faceviz.models.published.unet import Block

VECTOR = Fiber({1: 1})


class Ours(nn.Module):
    """The block of the package."""

    def __init__(self, config: PublishedConfig) -> None:
        super().__init__()
        self.config = config
        self.block = Block(VECTOR, VECTOR, config, config.self_interaction)

    def forward(self, points: Tensor) -> Tensor:
        c, index = self.config, neighbours(points, self.config.k)
        span = points[:, None] - points[index]
        window = torch.ones_like(span[..., 0])
        edges = GroupedEdges.sorted(
            index, window, span, span, max_degree=c.max_degree, size=c.group_size(len(points))
        )
        graph = DglAttention(index, window) if c.backend == "dgl" else None
        return self.block({1: points.unsqueeze(1)}, Neighbourhoods(index, window, edges, graph))[1].squeeze(1)


class OriginalLayer(nn.Module):
    """A kernel of every edge is formed and stored, for values and for keys; then messages by DGL."""

    def __init__(self, source: Fiber, target: Fiber) -> None:
        super().__init__()
        self.like = AttentionLayer(source, target, plain=True)

    def forward(self, graph, x: dict[int, Tensor], distance: Tensor, basis) -> dict[int, Tensor]:  # noqa: ANN001
        import dgl.function as fn
        from dgl.nn.functional import edge_softmax

        layer = self.like
        source, _ = graph.edges()
        sent = {k: value[source] for k, value in x.items()}
        if layer.layout.adds:
            sent[1] = torch.cat([sent[1][:, :1] - graph.edata["d"].unsqueeze(1), sent[1][:, 1:]], 1)
        value, key = (self._convolved(part, sent, distance, basis) for part in (layer.value, layer.key))
        query = layer.query(x)
        with graph.local_scope():
            graph.ndata["q"] = torch.cat([part.flatten(1) for part in query.values()], 1)
            graph.edata["k"] = torch.cat([key[degree].flatten(1) for degree in query], 1)
            graph.apply_edges(fn.e_dot_v("k", "q", "logit"))
            alpha = edge_softmax(graph, graph.edata["logit"] / layer.root)
            z = {}
            for degree, message in value.items():
                graph.edata["m"] = alpha * message.flatten(1)
                graph.update_all(fn.copy_e("m", "m"), fn.sum("m", "z"))
                z[degree] = graph.ndata["z"].view(-1, message.shape[1], 2 * degree + 1)
        return layer.project({d: torch.cat([part, x[d]], 1) if d in x else part for d, part in z.items()})

    @staticmethod
    def _convolved(kernels, sent: dict[int, Tensor], distance: Tensor, basis):  # noqa: ANN001, ANN205
        out = {}
        for target, count in kernels.target.items():
            total = 0.0
            for source, channels in kernels.source.items():
                phi = kernels.radial[f"{source}_{target}"](distance)
                phi = phi.view(len(distance), count, 1, channels, 1, -1)
                kernel = (phi * basis[source, target]).sum(-1)  # (E, C_out, 2 l + 1, C_in, 2 k + 1)
                kernel = kernel.view(len(distance), count * (2 * target + 1), -1)
                total = total + kernel @ sent[source].reshape(len(distance), -1, 1)
            out[target] = total.view(len(distance), count, -1)
        return out


class Original(nn.Module):
    """The block as the published code forms it."""

    def __init__(self, config: PublishedConfig) -> None:
        super().__init__()
        self.k, self.top = config.k, config.max_degree
        middle = Fiber.full(config.max_degree, config.hidden)
        self.layers = nn.ModuleList(
            [OriginalLayer(VECTOR, middle), OriginalLayer(middle, middle), OriginalLayer(middle, VECTOR)]
        )
        self.norms = nn.ModuleList([NormBias(middle), NormBias(middle), nn.Identity()])

    def forward(self, points: Tensor) -> Tensor:
        import dgl

        source = neighbours(points, self.k).flatten()
        target = torch.arange(len(points)).repeat_interleave(self.k)
        graph = dgl.graph((source, target), num_nodes=len(points))
        graph.edata["d"] = points[source] - points[target]
        distance = graph.edata["d"].norm(dim=-1)
        harmonics = spherical_harmonics(graph.edata["d"] / distance[:, None], 2 * self.top)
        basis = {}
        for (k, j), part in kernel_basis(harmonics, self.top).items():
            part = part.view(len(source), 2 * k + 1, -1, 2 * j + 1).permute(0, 3, 1, 2)
            basis[k, j] = part[:, None, :, None].contiguous()
        x = {1: points.unsqueeze(1)}
        for layer, norm in zip(self.layers, self.norms, strict=True):
            x = norm(layer(graph, x, distance, basis))
        return x[1].squeeze(1)


class Lucidrains(nn.Module):
    """``se3-transformer-pytorch``: three attention layers."""

    def __init__(self, config: PublishedConfig) -> None:
        super().__init__()
        from se3_transformer_pytorch import SE3Transformer

        self.network = SE3Transformer(
            dim=config.hidden, heads=1, dim_head=config.hidden, depth=3, num_degrees=config.max_degree + 1,
            output_degrees=2, num_neighbors=config.k, reduce_dim_out=True,
        )  # fmt: skip
        self.channels = config.hidden

    def forward(self, points: Tensor) -> Tensor:
        given = points.new_ones(1, len(points), self.channels)
        out = self.network(given, points[None], return_type=1)
        return out.reshape(len(points), -1)[:, :3]


class E3nnLayer(nn.Module):
    """Attention after e3nn's own guide, with fully connected tensor products and weights from a radial network."""

    def __init__(self, source: str, target: str, harmonics: str) -> None:
        super().__init__()
        from e3nn import nn as enn
        from e3nn import o3

        def product() -> nn.Module:
            return o3.FullyConnectedTensorProduct(source, harmonics, target, shared_weights=False)

        self.value, self.key, self.query = product(), product(), o3.Linear(source, target)
        self.radial = nn.ModuleList(
            enn.FullyConnectedNet([1, 32, 32, part.weight_numel], torch.nn.functional.relu)
            for part in (self.value, self.key)
        )
        self.join = o3.Linear(str(o3.Irreps(target) + o3.Irreps(source)), target)
        self.norm = enn.NormActivation(o3.Irreps(target), torch.relu, bias=True)

    def forward(self, x: Tensor, index: Tensor, distance: Tensor, harmonics: Tensor) -> Tensor:
        sent, (count, k) = x[index.flatten()], index.shape
        value = self.value(sent, harmonics, self.radial[0](distance))
        key = self.key(sent, harmonics, self.radial[1](distance))
        logits = (key.view(count, k, -1) * self.query(x).unsqueeze(1)).sum(-1)
        z = torch.einsum("nk,nkc->nc", logits.softmax(1), value.view(count, k, -1))
        return self.norm(self.join(torch.cat([z, x], 1)))


class E3nn(nn.Module):
    """All irreps even, so that all J of a pair of degrees take part, as in the group SE(3)."""

    def __init__(self, config: PublishedConfig) -> None:
        super().__init__()
        from e3nn import o3

        middle = "+".join(f"{config.hidden}x{degree}e" for degree in range(config.max_degree + 1))
        self.harmonics = o3.Irreps("+".join(f"1x{j}e" for j in range(2 * config.max_degree + 1)))
        ends = ["1x1e", middle, middle, "1x1e"]
        self.layers = nn.ModuleList(
            E3nnLayer(a, b, str(self.harmonics)) for a, b in zip(ends[:-1], ends[1:], strict=True)
        )
        self.k = config.k

    def forward(self, points: Tensor) -> Tensor:
        from e3nn import o3

        index = neighbours(points, self.k)
        span = (points[index] - points[:, None]).reshape(-1, 3)
        harmonics = o3.spherical_harmonics(list(range(len(self.harmonics))), span, True)
        x = points
        for layer in self.layers:
            x = layer(x, index, span.norm(dim=-1, keepdim=True), harmonics)
        return x


def neighbours(points: Tensor, k: int) -> Tensor:
    """The k nearest other points, (N, k)."""
    from faceviz.geometry.neighbours import knn

    array = points.detach().numpy()
    return torch.from_numpy(knn(array, array, k + 1)[0][:, 1:].copy())


RIVALS: dict[str, tuple[str, Callable[[], nn.Module]]] = {
    "ours": (
        f"ours, radial functions at {PublishedConfig().knots:,} distances",
        lambda: Ours(PublishedConfig()),
    ),
    "ours_exact": ("ours, radial functions at every edge", lambda: Ours(PublishedConfig(knots=0))),
    "ours_dgl": ("ours, attention by DGL", lambda: Ours(PublishedConfig(backend="dgl"))),
    "original": ("original formulation through DGL", lambda: Original(PublishedConfig())),
    "lucidrains": ("lucidrains se3-transformer-pytorch", lambda: Lucidrains(PublishedConfig())),
    "e3nn": ("e3nn, fully connected tensor products", lambda: E3nn(PublishedConfig())),
}
