from __future__ import annotations

import pytest

from faceviz.errors import counted


@pytest.mark.parametrize(
    ("number", "said"), [(0, "0 images"), (1, "1 image"), (2, "2 images"), (1024, "1,024 images")]
)
def test_a_number_comes_with_its_noun(number, said):
    assert counted(number, "image") == said


def test_a_plural_may_be_another_word():
    assert [counted(n, "person", "people") for n in (1, 2)] == ["1 person", "2 people"]
