from __future__ import annotations

import numpy as np
import pytest

from faceviz.io.problems import Problem
from faceviz.io.text import convert, counted_lists, list_of, rows


def test_rows_keep_the_number_of_their_line():
    assert list(rows(b"# a\n1 2\n\n3 # b\n", first=5)) == [(6, [b"1", b"2"]), (8, [b"3"])]


def test_the_list_that_holds_an_element_is_found():
    sizes = np.array([2, 0, 3])
    assert [list_of(sizes, index) for index in range(5)] == [0, 0, 2, 2, 2]


def test_lists_that_announce_their_length_are_flattened():
    sizes, indices = counted_lists([(1, [b"2", b"7", b"8", b"9"]), (2, [b"1", b"5"])], exact=False)
    np.testing.assert_array_equal(sizes, [2, 1])
    np.testing.assert_array_equal(indices, [7, 8, 5])


def test_nothing_may_follow_a_list_that_must_be_exact():
    with pytest.raises(Problem, match="line 1 announces 2 indices and holds 3"):
        counted_lists([(1, [b"2", b"7", b"8", b"9"])], exact=True)


@pytest.mark.parametrize("word", [b"9223372036854775808", b"-9223372036854775809", b"9" * 5000, b"1.0", b""])
def test_a_word_that_is_no_64_bit_integer_is_refused_with_its_line(word):
    with pytest.raises(Problem, match="^line 11 holds"):
        convert([b"1", word], int, lambda index: 10 + index)
