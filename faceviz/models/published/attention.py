"""Attention over neighbourhoods: by dense tables, or by the operations of DGL."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from faceviz.graph import import_dgl


def dense_attention(value: Tensor, key: Tensor, query: Tensor, window: Tensor) -> Tensor:
    """``z_i = sum_j alpha_ij v_ij``, ``alpha_ij`` the softmax over j of ``q_i . k_ij`` with weights ``w_ij``.

    Args:
        value, key: (M k, heads, dim of each) for all places of the neighbour table.
        query: (M, heads, dim).
        window: (M, k) the weights, 0 in an empty place.

    Returns:
        (M, heads, dim); zero for a point without neighbours.
    """
    value, key = (
        part.unflatten(0, window.shape).transpose(1, 2) for part in (value, key)
    )  # (M, heads, k, dim)
    logits = (key @ query.unsqueeze(-1)).squeeze(-1)
    alpha = windowed_softmax(logits.transpose(1, 2), window).transpose(1, 2)
    return (alpha.unsqueeze(-2) @ value).squeeze(-2)


def windowed_softmax(logits: Tensor, window: Tensor) -> Tensor:
    """``w_j exp(l_j) / sum_j w_j exp(l_j)`` over axis 1 of (M, k, heads); zeros where all weights w (M, k) are zero."""
    weight = window.unsqueeze(-1)
    logits = logits.masked_fill(weight == 0, torch.finfo(logits.dtype).min)
    raised = weight * (logits - logits.amax(1, keepdim=True)).exp()
    return raised / raised.sum(1, keepdim=True).clamp_min(torch.finfo(logits.dtype).tiny)


class DglAttention:
    """The same by message passing in a ``dgl.DGLGraph``: ``e_dot_v``, ``edge_softmax``, ``update_all``.

    Raises:
        MissingDependencyError: DGL is not installed.
    """

    def __init__(self, index: Tensor, window: Tensor) -> None:
        """Edges from neighbour j to point i for the places of a neighbour table (M, k) that have a weight."""
        dgl = import_dgl()
        self.place = torch.nonzero(window.flatten()).flatten()
        target = torch.div(self.place, max(index.shape[1], 1), rounding_mode="floor")
        self.graph: Any = dgl.graph((index.flatten()[self.place], target), num_nodes=len(index))
        self.log_window = window.flatten()[self.place].log().view(-1, 1, 1)

    def __call__(self, value: Tensor, key: Tensor, query: Tensor, window: Tensor) -> Tensor:
        """See ``dense_attention``."""
        import dgl.function as fn
        from dgl.nn.functional import edge_softmax

        with self.graph.local_scope():
            graph = self.graph
            graph.ndata["q"] = query
            graph.edata["k"], graph.edata["v"] = key[self.place], value[self.place]
            graph.apply_edges(fn.e_dot_v("k", "q", "logit"))  # (E, heads, 1)
            alpha = edge_softmax(graph, graph.edata["logit"] + self.log_window)
            graph.edata["v"] = alpha * graph.edata["v"]
            graph.update_all(fn.copy_e("v", "m"), fn.sum("m", "z"))
            return graph.ndata["z"]
