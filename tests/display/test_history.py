from __future__ import annotations

from faceviz.display.history import History


def test_undo_and_redo_walk_through_what_was():
    history = History("a")
    for value in "bcd":
        history.push(value)
    assert [history.undo() for _ in range(4)] == ["c", "b", "a", "a"]
    assert [history.redo() for _ in range(4)] == ["b", "c", "d", "d"]


def test_a_new_value_forgets_what_was_undone():
    history = History("a")
    history.push("b")
    history.undo()
    history.push("c")
    assert history.redo() == "c" and history.undo() == "a"


def test_the_same_value_again_is_no_step():
    history = History("a")
    history.push("a")
    history.push("b")
    history.push("b")
    assert history.undo() == "a"


def test_only_so_many_steps_are_kept():
    history = History(0, depth=3)
    for value in range(1, 10):
        history.push(value)
    assert [history.undo() for _ in range(5)] == [8, 7, 6, 6, 6]
