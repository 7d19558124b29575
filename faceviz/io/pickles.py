"""Arrays, dicts, lists, texts and numbers out of a pickle, and nothing else.

A pickle is a program. This reader runs the opcodes that build plain values, gives stand-ins for the few NumPy names
that pickled arrays need, and builds the arrays itself from checked shapes, types and bytes: neither NumPy's nor
anybody else's code sees the pickle's arguments. Every other name, and every opcode that would call something else, is
refused.
"""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable
from typing import IO, Any, ClassVar, Literal

import numpy as np

from faceviz.io.problems import Problem, shown

MAX_DEPTH = 50
MAX_VALUES = 500_000
MAX_DIMENSIONS = 8

_DAMAGED = "the file is damaged: save it again"


def load_plain_pickle(stream: IO[bytes], size: int) -> Any:
    """The value of a pickle of ``size`` bytes.

    Raises:
        Problem: damaged, cut off, or anything but arrays, dicts, lists, tuples, texts and numbers.
    """
    try:
        return _Plain()(_Unpickler(_Clipped(stream, size)).load())
    except Problem:
        raise
    except Exception as error:  # opcodes on hostile stacks raise nearly anything
        raise Problem(f"is a damaged pickle ({type(error).__name__})", _DAMAGED) from None


class _Clipped:
    """A stream that never allocates for more bytes than are left."""

    def __init__(self, stream: IO[bytes], size: int) -> None:
        self._stream = stream
        self._left = size

    def read(self, count: int = -1) -> bytes:
        if not 0 <= count <= self._left:
            raise Problem("ends inside a pickle", "the file is cut off: copy or save it again")
        self._left -= count
        return self._stream.read(count)

    def readinto(self, buffer: Any) -> int:
        content = self.read(len(buffer))
        buffer[: len(content)] = content
        return len(content)

    def readline(self) -> bytes:
        line = self._stream.readline(min(self._left, 65_536))
        self._left -= len(line)
        return line


class _Name:
    """Stands for a NumPy class that is named and never called."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name


class _Dtype:
    """Stands for ``numpy.dtype``: a type code, and the byte order that its state names."""

    __slots__ = ("_code", "_order")

    def __init__(self, code: Any) -> None:
        if (
            not isinstance(code, str)
            or code[:1] not in tuple("fiubUSO")
            or not code[1:].isdigit()
            or len(code) > 9
        ):
            raise Problem(
                f"holds values of type {shown(repr(code)[:99].encode())}", "save plain numbers and texts"
            )
        self._code = code
        self._order = "="

    def build(self, state: Any) -> None:
        order = state[1] if isinstance(state, tuple) and len(state) >= 2 else None
        if order not in ("<", ">", "=", "|"):
            raise Problem("holds an array of a damaged type", _DAMAGED)
        self._order = order

    def real(self) -> np.dtype:
        return np.dtype(object) if self._code[0] == "O" else np.dtype(self._order + self._code)


class _Array:
    """Stands for ``numpy.ndarray`` until its state is known."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value: np.ndarray | None = None

    def build(self, state: Any) -> None:
        _, shape, dtype, fortran, content = state
        if not isinstance(dtype, _Dtype):
            raise Problem("holds an array without a type", _DAMAGED)
        self.value = _array(shape, dtype.real(), content, "F" if fortran else "C")


def _array(shape: Any, dtype: np.dtype, content: Any, order: Literal["C", "F"]) -> np.ndarray:
    """An array whose announced shape holds exactly its content."""
    if isinstance(shape, int):
        shape = (shape,)
    if (
        not isinstance(shape, tuple)
        or len(shape) > MAX_DIMENSIONS
        or not all(_is_length(length) for length in shape)
    ):
        raise Problem("holds an array of a damaged shape", _DAMAGED)
    count = math.prod(shape)
    if dtype.hasobject:
        if not isinstance(content, list) or len(content) != count:
            raise Problem(
                f"holds an object array that announces shape {shape} and holds another number", _DAMAGED
            )
        flat = np.empty(count, dtype=object)
        for index, value in enumerate(content):
            flat[index] = value
        return flat.reshape(shape, order=order)
    if not isinstance(content, bytes | bytearray) or len(content) != count * dtype.itemsize:
        raise Problem(
            f"holds an array that announces shape {shape} and holds another number of bytes", _DAMAGED
        )
    return (
        np.frombuffer(content, dtype, count).reshape(shape, order=order) if count else np.empty(shape, dtype)
    )


def _is_length(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**40


def _new_array(kind: Any, shape: Any, code: Any) -> _Array:
    """``numpy._core.multiarray._reconstruct``: its shape is only ever (0,), the true one follows as state."""
    if not isinstance(kind, _Name) or kind.name != "ndarray":
        raise Problem("holds an array of a foreign class", "save plain arrays")
    return _Array()


def _array_from_buffer(content: Any, dtype: Any, shape: Any, order: Any) -> _Array:
    """``numpy._core.numeric._frombuffer`` of protocol 5."""
    array = _Array()
    array.build((1, shape, dtype, order == "F", content))
    return array


def _scalar(dtype: Any, content: Any) -> Any:
    """``numpy._core.multiarray.scalar``."""
    array = _Array()
    array.build(
        (1, (), dtype, False, [content] if isinstance(dtype, _Dtype) and dtype.real().hasobject else content)
    )
    return array


def _encode(text: Any, encoding: Any) -> bytes:
    """``_codecs.encode``, with which old protocols write bytes."""
    if encoding != "latin1" or not isinstance(text, str):
        raise Problem(f"asks for the encoding {shown(repr(encoding)[:99].encode())}", "save plain arrays")
    return text.encode("latin1")


def _empty_bytes(*arguments: Any) -> bytes:
    """``bytes()``, with which old protocols write empty bytes."""
    if arguments:
        raise Problem("is a pickle that calls what it must not", "nothing was run: save plain arrays")
    return b""


def _new_dtype(code: Any, *_: Any) -> _Dtype:
    return _Dtype(code)


_MULTIARRAY = {"_reconstruct": _new_array, "scalar": _scalar}
_KNOWN: dict[str, dict[str, Any]] = {
    "numpy": {"ndarray": _Name("ndarray"), "dtype": _new_dtype},
    "numpy.core.multiarray": _MULTIARRAY,
    "numpy._core.multiarray": _MULTIARRAY,
    "numpy.core.numeric": {"_frombuffer": _array_from_buffer},
    "numpy._core.numeric": {"_frombuffer": _array_from_buffer},
    "_codecs": {"encode": _encode},
    "__builtin__": {"bytes": _empty_bytes},
}
_CALLABLE = (_new_array, _scalar, _array_from_buffer, _encode, _empty_bytes, _new_dtype)


# pickle._Unpickler is the same machine as pickle.Unpickler, in Python: it keeps its memo in a dict (the one in C
# allocates whatever index a hostile opcode names), and its opcodes can be replaced one by one.
class _Unpickler(pickle._Unpickler):
    dispatch: ClassVar[dict[int, Callable[[Any], None]]] = dict(pickle._Unpickler.dispatch)
    stack: list[Any]
    append: Callable[[object], None]
    read: Callable[[int], bytes]

    def find_class(self, module: str, name: str) -> Any:
        try:
            return _KNOWN[module][name]
        except (KeyError, TypeError):
            what = shown(f"{module}.{name}".encode("utf-8", "replace"))
            raise Problem(f"is a pickle that asks for {what}", "nothing was run: save plain arrays") from None

    def persistent_load(self, pid: Any) -> Any:
        raise Problem("is a pickle that refers to objects elsewhere", "save plain arrays")

    def _reduce(self) -> None:
        arguments = self.stack.pop()
        function = self.stack[-1]
        if not isinstance(arguments, tuple) or not any(function is known for known in _CALLABLE):
            raise Problem("is a pickle that calls what it must not", "nothing was run: save plain arrays")
        self.stack[-1] = function(*arguments)

    def _build(self) -> None:
        state = self.stack.pop()
        if not isinstance(self.stack[-1], _Array | _Dtype):
            raise Problem("is a pickle that builds what it must not", "nothing was run: save plain arrays")
        self.stack[-1].build(state)

    def _bytearray(self) -> None:
        """Reads first and allocates then, unlike the original."""
        self.append(bytearray(self.read(int.from_bytes(self.read(8), "little"))))

    def _refuse(self) -> None:
        raise Problem("is a pickle that makes objects", "nothing was run: save plain arrays")

    dispatch[pickle.REDUCE[0]] = _reduce
    dispatch[pickle.BUILD[0]] = _build
    dispatch[pickle.BYTEARRAY8[0]] = _bytearray
    for _opcode in (
        pickle.INST, pickle.OBJ, pickle.NEWOBJ, pickle.NEWOBJ_EX, pickle.EXT1, pickle.EXT2, pickle.EXT4,
        pickle.NEXT_BUFFER, pickle.READONLY_BUFFER,
    ):  # fmt: skip
        dispatch[_opcode[0]] = _refuse


class _Plain:
    """Replaces stand-ins by their arrays; counts, since a few bytes of shared lists can stand for billions."""

    def __init__(self) -> None:
        self._left = MAX_VALUES

    def __call__(self, value: Any, depth: int = 0) -> Any:
        self._left -= 1
        if depth > MAX_DEPTH or self._left < 0:
            raise Problem("is nested too deeply or holds too many values", "save plain arrays")
        if isinstance(value, _Array):
            return self(value.value, depth + 1)
        if isinstance(value, np.ndarray):
            return self._objects(value, depth) if value.dtype.hasobject else value
        if type(value) is dict:
            return {key: self(item, depth + 1) for key, item in value.items()}
        if type(value) in (list, tuple):
            return type(value)([self(item, depth + 1) for item in value])
        if value is None or type(value) in (str, bytes, bytearray, int, float, bool, complex):
            return value
        raise Problem(f"holds a {type(value).__name__}", "save plain arrays")

    def _objects(self, array: np.ndarray, depth: int) -> np.ndarray:
        flat = np.empty(array.size, dtype=object)
        for index, value in enumerate(array.ravel()):
            flat[index] = self(value, depth + 1)
        return flat.reshape(array.shape)
