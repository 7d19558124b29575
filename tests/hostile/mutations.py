"""Seeded damage to a valid file: bytes changed, cut, doubled, numbers replaced by hostile ones."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random


def mutations(data: bytes, count: int, seed: int = 0) -> Iterator[bytes]:
    """``count`` damaged copies; number i depends on ``seed`` and i alone, so that each can be made again."""
    return (mutation(data, index, seed) for index in range(count))


def mutation(data: bytes, index: int, seed: int = 0) -> bytes:
    """The damaged copy number ``index``."""
    return _mutated(data, Random(f"{seed}/{index}"))


_HOSTILE_WORDS = (
    b"-1", b"0", b"999999999", b"99999999999999999999", b"nan", b"inf", b"1e400", b"1_0", b"1.5", b"", b" ", b"\n",
    b"\r", b"\0", b"[", b"{", b'"',
)  # fmt: skip
_HOSTILE_BYTES = (b"\xff\xff\xff\xff", b"\0\0\0\0", b"\xff\xff\xff\x7f", b"\0\0\x80\x7f", b"\x80\0\0\0")


def _mutated(data: bytes, random: Random) -> bytes:
    content = bytearray(data)
    for _ in range(random.choice((1, 1, 1, 2, 4, 16))):
        at = random.randrange(min(len(content), random.choice((400, 1 << 30))) or 1)
        match random.randrange(8):
            case 0:
                content[at : at + 1] = bytes([random.randrange(256)])
            case 1:
                del content[at:]
            case 2:
                del content[at : at + random.randrange(1, 40)]
            case 3:
                content[at:at] = content[random.randrange(len(content) or 1) :][: random.randrange(60)]
            case 4:
                content[at:at] = random.choice(_HOSTILE_WORDS)
            case 5:
                digit = next((i for i in range(at, len(content)) if 48 <= content[i] < 58), at)
                content[digit : digit + 1] = random.choice(_HOSTILE_WORDS)
            case 6:
                content[at : at + 4] = random.choice(_HOSTILE_BYTES)
            case 7:
                content += random.randbytes(random.randrange(20))
    return bytes(content)
