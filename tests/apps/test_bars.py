from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from faceviz.display.readings import LandmarkRow, landmark_table


@pytest.fixture
def table():
    truth = np.zeros((68, 3))
    truth[:, 0] = np.arange(68.0)
    confidence, heat = np.full(68, 0.9), np.zeros((4, 68))
    return landmark_table(
        confidence, heat, None, np.zeros((68, 3)), truth, threshold=0.2, unit="mm", mm_per_unit=1.0
    )


def suspect(table, landmark: int):
    rows = [replace(row, suspect="lies elsewhere") if row.index == landmark else row for row in table.rows]
    return replace(table, rows=tuple(rows), suspects=1)


def test_bars_are_in_order_of_what_they_measure_and_as_long_as_it_is(table):
    from widgets.bars import bar_rows

    label, rows = bar_rows(table, "error")
    assert [row["landmark"] for row in rows] == list(range(67, -1, -1)) and "mm" in label
    assert rows[0]["share"] == 1.0 and rows[0]["text"] == "67.00" and rows[67]["share"] == 0.0


def test_the_worst_iou_is_the_least(table):
    from widgets.bars import bar_rows

    rows = tuple(replace(row, iou=row.index / 100) for row in table.rows)
    assert bar_rows(replace(table, rows=rows), "iou")[1][0]["landmark"] == 0


def test_what_cannot_be_measured_says_what_it_needs(table):
    from widgets.bars import bar_rows

    label, rows = bar_rows(table, "uncertainty")
    assert rows == [] and "calibrated model" in label


def test_a_click_on_a_bar_chooses_its_landmark(table):
    from widgets.bars import BarChart

    chosen = []
    chart = BarChart(chosen.append)
    chart.show(table, 30)
    assert chart.bars.selected == 30
    chart.bars.param.update(chosen=12, clicks=1)
    assert chosen == [12]


def test_suspect_truths_are_marked_in_bars_table_and_words(table):
    from widgets.bars import bar_rows
    from widgets.doubts import doubts
    from widgets.table import LandmarksTable

    marked = suspect(table, 36)
    bar = next(row for row in bar_rows(marked, "error")[1] if row["landmark"] == 36)
    assert bar["suspect"] and "lies elsewhere" in bar["title"]
    grid = LandmarksTable(lambda _: None)
    grid.show(marked, None)
    names = grid.grid.value.set_index("#")["Landmark"]
    assert names[36].startswith("\u26a0") and not names[37].startswith("\u26a0")
    assert "1 suspect" in doubts(marked) and "lies elsewhere" in doubts(marked)


def test_the_table_shows_the_uncertainty_where_there_is_one_else_the_confidence(table):
    from widgets.table import LandmarksTable

    grid = LandmarksTable(lambda _: None)
    grid.show(table, None)
    assert grid.grid.hidden_columns == ["\u00b1"]
    rows: list[LandmarkRow] = [replace(row, uncertainty=2.0) for row in table.rows]
    grid.show(replace(table, rows=tuple(rows), check=(1, 2, 3, 4, 5)), None)
    assert grid.grid.hidden_columns == ["Conf."]
