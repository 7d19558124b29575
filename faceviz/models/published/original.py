"""The names that the original code gives to its weights, and their conversion to ours."""

from __future__ import annotations

import re

from torch import Tensor

from faceviz.errors import CheckpointError

_RADIAL = {"first": "0", "first_norm": "1.bn", "second": "3", "second_norm": "4.bn", "last": "6"}
_PARTS = {"value": "v", "key": "k"}
_SHOWN = 6


def original_name(name: str) -> str:
    """The original's name of one of our parameters.

    ``up.0.layers.2.value.radial.1_0.first.bias`` is ``up_branch.1.Gblock.2.GMAB.v.kernel_unary.(1,0).rp.net.0.bias``
    there: levels and the pooling or upsampling between them share one list.
    """
    name = re.sub(r"^down\.(\d+)", lambda m: f"down_branch.{2 * int(m[1])}", name)
    name = re.sub(r"^up\.(\d+)", lambda m: f"up_branch.{2 * int(m[1]) + 1}", name)
    name = re.sub(r"^head\.", "mlp.", name).replace(".layers.", ".Gblock.")
    name = re.sub(r"\bquery\.weight\.", "GMAB.q.transform.", name)
    name = re.sub(r"\bproject\.weights?\.", "project.transform.", name)
    return re.sub(
        r"\b(value|key)\.radial\.(\d)_(\d)\.(\w+)\.",
        lambda m: f"GMAB.{_PARTS[m[1]]}.kernel_unary.({m[2]},{m[3]}).rp.net.{_RADIAL[m[4]]}.",
        name,
    )


def original_shape(name: str, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The original's shape: radial networks see the distance twice, and biases of norms have a leading axis."""
    if name.endswith("first.weight"):
        return (shape[0], 2)
    return (1, *shape) if re.search(r"\bbias\.\d$", name) else shape


def from_original(weights: dict[str, Tensor], expected: dict[str, Tensor]) -> dict[str, Tensor]:
    """The original's weights under our names and in our shapes.

    Its radial networks take the distance twice; where ours take it once, the two columns are added.

    Args:
        weights: the original's ``state_dict``.
        expected: ours, of the network that is to be filled.

    Raises:
        CheckpointError: names or shapes differ; the message lists them.
    """
    wanted = {
        original_name(name): (name, original_shape(name, tuple(value.shape)))
        for name, value in expected.items()
    }
    differences = _differences(weights, {name: shape for name, (_, shape) in wanted.items()})
    if differences:
        raise CheckpointError(
            "the weights are of another architecture: " + "; ".join(differences) + "; give the settings they "
            "were trained with, or a checkpoint of the SE(3)-Transformer U-Net"
        )
    return {
        ours: weights[name].sum(1, keepdim=True)
        if ours.endswith("first.weight") and expected[ours].shape[1] == 1
        else weights[name].reshape(expected[ours].shape)
        for name, (ours, _) in wanted.items()
    }


def _differences(found: dict[str, Tensor], wanted: dict[str, tuple[int, ...]]) -> list[str]:
    """What differs, kind by kind, each with its first few names."""
    missing = [name for name in wanted if name not in found]
    unknown = [name for name in found if name not in wanted]
    other = [
        f"{name} is {tuple(found[name].shape)}, not {shape}"
        for name, shape in wanted.items()
        if name in found and tuple(found[name].shape) != shape
    ]
    kinds = (("missing", missing), ("not known", unknown), ("of another shape", other))
    return [f"{len(names)} {kind} ({_few(names)})" for kind, names in kinds if names]


def _few(names: list[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
