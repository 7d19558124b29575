"""Operators that ONNX lacks, written with those that it has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from faceviz.errors import MissingDependencyError


def translations() -> dict[Callable[..., Any], Callable[..., Any]]:
    """For ``custom_translation_table`` of ``torch.onnx.export``.

    Raises:
        MissingDependencyError: onnx or onnxscript is not installed.
    """
    import torch

    try:
        import onnx  # noqa: F401
        from onnxscript import opset18 as op
    except ImportError as error:
        raise MissingDependencyError(
            'ONNX needs its packages; install them with: pip install "faceviz[export]"'
        ) from error

    def row(matrix: Any, index: int) -> Any:
        """Row ``index`` of matrices (..., 3, 3), as (..., 3)."""
        return op.Squeeze(
            op.Gather(matrix, op.Constant(value_ints=[index]), axis=-2), op.Constant(value_ints=[-2])
        )

    def cross(a: Any, b: Any) -> Any:
        """``a x b`` along the last axis."""
        forward, backward = op.Constant(value_ints=[1, 2, 0]), op.Constant(value_ints=[2, 0, 1])
        left = op.Mul(op.Gather(a, forward, axis=-1), op.Gather(b, backward, axis=-1))
        return op.Sub(left, op.Mul(op.Gather(a, backward, axis=-1), op.Gather(b, forward, axis=-1)))

    def solve(matrix: Any, right: Any, *_: Any, **__: Any) -> Any:
        """``A^-1 B`` of 3 x 3 matrices: with rows a, b, c the columns of ``A^-1`` are ``b x c``, ``c x a``, ``a x b``
        over ``a . (b x c)``."""
        last = op.Constant(value_ints=[-1])
        a, b, c = (row(matrix, index) for index in range(3))
        columns = [op.Unsqueeze(column, last) for column in (cross(b, c), cross(c, a), cross(a, b))]
        determinant = op.Unsqueeze(op.ReduceSum(op.Mul(a, cross(b, c)), last, keepdims=1), last)
        return op.Div(op.MatMul(op.Concat(*columns, axis=-1), right), determinant)

    def solve_with_factors(matrix: Any, right: Any, *_: Any, **__: Any) -> tuple[Any, Any, Any, Any]:
        solved = solve(matrix, right)
        return solved, solved, solved, solved  # the factors are asked for by nobody

    aten = torch.ops.aten
    return {aten.linalg_solve.default: solve, aten._linalg_solve_ex.default: solve_with_factors}
