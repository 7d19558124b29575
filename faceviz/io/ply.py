"""PLY, ASCII and binary of both byte orders. The header is checked against the file's size before anything else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from faceviz.io.polygons import fan
from faceviz.io.problems import Limits, Parsed, Problem, shown
from faceviz.io.text import Row, convert, counted_lists, end, list_of, numbers, rows, take
from faceviz.scan import UNITS

MAX_HEADER = 65_536

_TYPES = {
    "char": "i1", "int8": "i1", "uchar": "u1", "uint8": "u1", "short": "i2", "int16": "i2", "ushort": "u2",
    "uint16": "u2", "int": "i4", "int32": "i4", "uint": "u4", "uint32": "u4", "int64": "i8", "uint64": "u8",
    "float": "f4", "float32": "f4", "double": "f8", "float64": "f8",
}  # fmt: skip
_ENCODINGS = {"ascii": "", "binary_little_endian": "<", "binary_big_endian": ">"}
_CORNERS = ("vertex_indices", "vertex_index")
_CUT_OFF = "the header lies or the file is cut off: copy or export it again"


@dataclass(frozen=True, slots=True)
class Property:
    name: str
    dtype: np.dtype
    length_dtype: np.dtype | None = None  # of a list


@dataclass(slots=True)
class Element:
    name: str
    count: int
    properties: list[Property] = field(default_factory=list)

    @property
    def has_lists(self) -> bool:
        return any(p.length_dtype is not None for p in self.properties)

    @property
    def smallest_row(self) -> int:
        """Bytes of a row whose lists are empty."""
        return sum((p.length_dtype or p.dtype).itemsize for p in self.properties)

    def index(self, *names: str) -> int | None:
        return next((i for i, p in enumerate(self.properties) if p.name in names), None)


@dataclass(frozen=True, slots=True)
class Header:
    byte_order: str  # "" where the file is ASCII
    elements: tuple[Element, ...]
    unit: str | None
    size: int


def parse_ply(data: bytes, limits: Limits) -> Parsed:
    """The ``vertex`` element's x, y, z, and the ``face`` element's polygons as triangles."""
    header = read_header(data)
    _check_counts(header, len(data) - header.size, limits)
    read = _read_binary if header.byte_order else _read_text
    points, sizes, corners = read(data, header)
    return Parsed(points, fan(sizes, corners, len(points), limits), unit=header.unit)


def read_header(data: bytes) -> Header:
    """The elements and their properties, in order; every statement must be known."""
    lines, size = _header_lines(data)
    byte_order, unit = None, None
    elements: list[Element] = []
    for number, line in enumerate(lines[1:], 2):
        words = line.decode("latin1").split()
        match words:
            case ["format", encoding, _] if encoding in _ENCODINGS and byte_order is None:
                byte_order = _ENCODINGS[encoding]
            case ["comment", "unit", name] if name in UNITS:
                unit = name
            case ["comment" | "obj_info", *_] | []:
                pass
            case ["element", name, count] if byte_order is not None and _is_count(count):
                elements.append(Element(name, int(count)))
            case ["property", *rest] if elements and (found := _property(rest, byte_order or "")):
                elements[-1].properties.append(found)
            case _:
                raise Problem(
                    f"has {shown(line)} in line {number} of its header", "no PLY statement: export it again"
                )
    if byte_order is None:
        raise Problem("has no 'format' in its header", "export it again")
    return Header(byte_order, tuple(elements), unit, size)


def _is_count(word: str) -> bool:
    return word.isascii() and word.isdigit() and len(word) < 19


def _header_lines(data: bytes) -> tuple[list[bytes], int]:
    head = data[:MAX_HEADER]
    lines = head.splitlines(keepends=True)
    if not lines or lines[0].strip() != b"ply":
        raise Problem(
            f"begins with {shown(lines[0] if lines else b'')} instead of 'ply'", "check that this is a PLY"
        )
    size = 0
    for index, line in enumerate(lines):
        size += len(line)
        if line.strip() == b"end_header" and line.endswith((b"\n", b"\r")):
            return lines[:index], size
    raise Problem("has no 'end_header'", "the file is cut off or no PLY: copy or export it again")


def _property(words: list[str], byte_order: str) -> Property | None:
    match words:
        case ["list", length, dtype, name] if length in _TYPES and dtype in _TYPES:
            length_dtype = np.dtype(byte_order + _TYPES[length])
            return (
                Property(name, np.dtype(byte_order + _TYPES[dtype]), length_dtype)
                if length_dtype.kind in "iu"
                else None
            )
        case [dtype, name] if dtype in _TYPES:
            return Property(name, np.dtype(byte_order + _TYPES[dtype]))
    return None


def _check_counts(header: Header, body: int, limits: Limits) -> None:
    """No element may announce more than the rest of the file can hold, nor more than is allowed."""
    names = [element.name for element in header.elements]
    if names.count("vertex") != 1 or names.count("face") > 1:
        raise Problem("has not exactly one vertex element and at most one face element", "export it again")
    vertex = header.elements[names.index("vertex")]
    if vertex.has_lists or any(vertex.index(axis) is None for axis in "xyz"):
        raise Problem("has vertices without plain x, y and z", "export it again")
    if not vertex.count:
        raise Problem("holds no vertices", "check the export")
    limits.check_points(vertex.count)
    limits.check_triangles(sum(element.count for element in header.elements if element is not vertex))
    needed = 0
    for element in header.elements:
        if element.count and not element.properties:
            raise Problem(f"has an element {element.name!r} without properties", "export it again")
        needed += element.count * (element.smallest_row if header.byte_order else 2 * len(element.properties))
    if needed > body + 1:
        counts = ", ".join(f"{element.count:,} {element.name}" for element in header.elements[:4])
        raise Problem(f"announces {counts}, at least {needed:,} bytes, and has {body:,}", _CUT_OFF)
    face = next((element for element in header.elements if element.name == "face"), None)
    if face is not None and face.count and not _has_corners(face):
        raise Problem("has faces without a list of vertex_indices", "export it again")


def _has_corners(face: Element) -> bool:
    index = face.index(*_CORNERS)
    return (
        index is not None
        and face.properties[index].length_dtype is not None
        and (face.properties[index].dtype.kind in "iu")
    )


def _read_text(data: bytes, header: Header) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    first = len(data[: header.size].splitlines()) + 1
    source = rows(data[header.size :], comment=None, first=first)
    points, sizes, corners = np.empty((0, 3)), np.empty(0, np.int64), np.empty(0, np.int64)
    for element in header.elements:
        batches = take(source, element.count, f"{element.name} rows")
        if element.name == "vertex":
            points = _text_points(batches, element)
        elif element.name == "face":
            sizes, corners = _text_corners(batches, element)
        else:
            for _ in batches:
                pass
    end(source)
    return points, sizes, corners


def _text_points(batches: Iterator[list[Row]], vertex: Element) -> np.ndarray:
    width = len(vertex.properties)
    axes = [index for axis in "xyz" if (index := vertex.index(axis)) is not None]
    parts = []
    for batch in batches:
        wrong = next(((line, row) for line, row in batch if len(row) != width), None)
        if wrong is not None:
            raise Problem(f"line {wrong[0]} has {len(wrong[1])} values instead of {width}", _CUT_OFF)
        parts.append(numbers(batch, 0, width)[:, axes])
    return np.concatenate(parts)


def _text_corners(batches: Iterator[list[Row]], face: Element) -> tuple[np.ndarray, np.ndarray]:
    lists = [_text_lists(batch, face) for batch in batches]
    sizes, corners = zip(*lists, strict=True) if lists else ((), ())
    none = np.empty(0, np.int64)
    return np.concatenate([none, *sizes]), np.concatenate([none, *corners])


def _text_lists(batch: list[Row], face: Element) -> tuple[np.ndarray, np.ndarray]:
    if len(face.properties) == 1:
        return counted_lists(batch, exact=True)
    lists = [_list_in_row(line, row, face) for line, row in batch]
    sizes = np.array([len(words) for words in lists], np.int64)
    words = [word for words in lists for word in words]
    return sizes, convert(words, int, lambda index: batch[list_of(sizes, index)][0])


def _list_in_row(line: int, row: list[bytes], face: Element) -> list[bytes]:
    """The words of the corner list; the row must hold exactly the properties of the element."""
    wanted, found, position = face.index(*_CORNERS), [], 0
    for index, prop in enumerate(face.properties):
        length = 0
        if prop.length_dtype is not None and position < len(row):
            length = int(numbers([(line, row)], position, 1, int)[0, 0])
        if index == wanted:
            found = row[position + 1 : position + 1 + max(length, 0)]
        position += 1 + length
        if length < 0 or position > len(row):
            break
    if position != len(row):
        raise Problem(f"line {line} does not hold one {face.name}", _CUT_OFF)
    return found


def _read_binary(data: bytes, header: Header) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    points, sizes, corners = np.empty((0, 3)), np.empty(0, np.int64), np.empty(0, np.int64)
    offset = header.size
    for element in header.elements:
        if not element.count:
            continue
        if element.has_lists:
            sizes_, corners_, offset = _binary_lists(data, offset, element)
            if element.name == "face":
                sizes, corners = sizes_, corners_
            continue
        table, offset = _binary_table(data, offset, element)
        if element.name == "vertex":
            columns = [table[f"f{element.index(axis)}"] for axis in "xyz"]
            points = np.stack(columns, axis=1).astype(np.float64)
    if data[offset:].strip():
        raise Problem(
            f"has {len(data) - offset:,} bytes more than its header announces",
            "the header lies: export it again",
        )
    return points, sizes, corners


def _binary_table(data: bytes, offset: int, element: Element) -> tuple[np.ndarray, int]:
    dtype = np.dtype([(f"f{i}", p.dtype) for i, p in enumerate(element.properties)])
    stop = offset + element.count * dtype.itemsize
    _check_end(stop, data, element)
    return np.frombuffer(data, dtype, element.count, offset), stop


def _binary_lists(data: bytes, offset: int, element: Element) -> tuple[np.ndarray, np.ndarray, int]:
    """Sizes and corners of the corner list (empty where there is none), and the offset after the element."""
    wanted = element.index(*_CORNERS)
    equal = _equal_lists(data, offset, element, wanted)
    if equal is not None:
        return equal
    sizes, pieces = [], []
    for _ in range(element.count):
        for index, prop in enumerate(element.properties):
            if prop.length_dtype is None:
                offset += prop.dtype.itemsize
                continue
            length, offset = _length(data, offset, element, prop.length_dtype)
            if index == wanted:
                sizes.append(length)
                pieces.append(data[offset : offset + length * prop.dtype.itemsize])
            offset += length * prop.dtype.itemsize
        _check_end(offset, data, element)
    if wanted is None:
        return np.empty(0, np.int64), np.empty(0, np.int64), offset
    corners = np.frombuffer(b"".join(pieces), element.properties[wanted].dtype)
    return np.array(sizes, np.int64), corners.astype(np.int64), offset


def _equal_lists(
    data: bytes, offset: int, element: Element, wanted: int | None
) -> tuple[np.ndarray, np.ndarray, int] | None:
    """The quick way where all rows have lists as long as the first row's: a mesh of triangles only. Else None."""
    fields: list[tuple[str, np.dtype] | tuple[str, np.dtype, tuple[int]]] = []
    lengths: dict[str, int] = {}
    position = offset
    for index, prop in enumerate(element.properties):
        if prop.length_dtype is None:
            fields.append((f"f{index}", prop.dtype))
        else:
            length, _ = _length(data, position, element, prop.length_dtype)
            if length > 64:
                return None
            lengths[f"n{index}"] = length
            fields += [(f"n{index}", prop.length_dtype), (f"f{index}", prop.dtype, (length,))]
        position = offset + np.dtype(fields).itemsize
    dtype = np.dtype(fields)
    stop = offset + element.count * dtype.itemsize
    if stop > len(data):
        return None
    table = np.frombuffer(data, dtype, element.count, offset)
    if any((table[name] != length).any() for name, length in lengths.items()):
        return None
    if wanted is None:
        return np.empty(0, np.int64), np.empty(0, np.int64), stop
    corners = table[f"f{wanted}"].astype(np.int64)
    return np.full(element.count, corners.shape[1]), corners.ravel(), stop


def _length(data: bytes, offset: int, element: Element, dtype: np.dtype) -> tuple[int, int]:
    stop = offset + dtype.itemsize
    _check_end(stop, data, element)
    length = int.from_bytes(
        data[offset:stop], "big" if dtype.str[0] == ">" else "little", signed=dtype.kind == "i"
    )
    if length < 0:
        raise Problem(f"has a {element.name} with {length} corners", "the file is damaged: export it again")
    return length, stop


def _check_end(stop: int, data: bytes, element: Element) -> None:
    if stop > len(data):
        raise Problem(f"ends inside its {element.count:,} {element.name} rows", _CUT_OFF)
