"""Networks built from settings that nobody vouches for: never larger than the weights that came with them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from faceviz.errors import CheckpointError, FacevizError

if TYPE_CHECKING:
    from torch import Tensor, nn

_LARGEST_NUMBER = 1_000_000
_MOST_NUMBERS = 1_000
_MOST_BUFFERS = 10_000_000  # values of tensors that are no weights


def build_within(
    build: Callable[[Any, Any], nn.Module], architecture: Any, settings: Any, weights: Mapping[str, Tensor]
) -> nn.Module:
    """The untrained network, if it has no more parameters than there are weights.

    Raises:
        CheckpointError: the settings make a larger network, or none.
    """
    if architecture is not None and not isinstance(architecture, str):
        raise CheckpointError("its architecture is no name")
    if settings is not None and not isinstance(settings, Mapping):
        raise CheckpointError("its network settings are no object")
    _check_numbers(settings or {})
    try:
        with _at_most(sum(tensor.numel() for tensor in weights.values())):
            return build(architecture, settings)
    except FacevizError:
        raise
    except Exception as error:  # settings of the wrong kind raise nearly anything
        cause = " ".join(str(error).split())[:200]
        raise CheckpointError(f"its settings make no network ({type(error).__name__}: {cause})") from None


def _check_numbers(settings: Mapping[str, Any]) -> None:
    """Large numbers would cost memory or time before the first parameter is made."""
    waiting: list[Any] = list(settings.values())
    for count, value in enumerate(_flat(waiting)):
        if count > _MOST_NUMBERS or (isinstance(value, int | float) and not abs(value) <= _LARGEST_NUMBER):
            raise CheckpointError("its network settings hold numbers that no network has")


def _flat(waiting: list[Any]) -> Iterator[Any]:
    while waiting:
        value = waiting.pop()
        yield value
        if isinstance(value, list | tuple):
            waiting.extend(value)
        elif isinstance(value, Mapping):
            waiting.extend(value.values())


@contextmanager
def _at_most(parameters: int) -> Iterator[None]:
    """Within, this thread makes no module with more parameters: the first that is too many ends it."""
    from torch.nn.modules import module

    thread = threading.get_ident()
    left = {"parameters": parameters, "buffers": parameters + _MOST_BUFFERS}

    def counted(kind: str) -> Callable[..., None]:
        def count(_module: nn.Module, _name: str, tensor: Tensor | None) -> None:
            if tensor is None or threading.get_ident() != thread:
                return
            left[kind] -= tensor.numel()
            if left[kind] < 0:
                raise CheckpointError(
                    f"the weights do not fit the configuration: a network with more than these {parameters:,} values"
                )

        return count

    handles = (
        module.register_module_parameter_registration_hook(counted("parameters")),
        module.register_module_buffer_registration_hook(counted("buffers")),
    )
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
