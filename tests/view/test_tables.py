import csv
import io
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from faceviz.evaluation.table import IouTable, published_table
from faceviz.view.tables import means_markdown, to_csv, to_html, to_latex, to_markdown, write_tables


@pytest.fixture
def table():
    values = np.random.default_rng(0).uniform(0.2, 0.8, (68, 2))
    values[5] = [0.9, 0.1]
    values[7] = [0.05, 0.95]
    values[9, 1] = np.nan
    return IouTable("a & b", ("none", "st_rt"), values, "made_up < data")


def struck(line, mark):
    """Numbers whose every character carries a combining mark."""
    return re.findall("((?:[0-9.]" + mark + ")+)", line)


def test_markdown_has_68_rows_and_the_mean_and_marks_best_and_worst(table):
    lines = to_markdown(table).splitlines()
    assert len(lines) == 4 + 68 + 1
    row = {int(line.split("|")[1]): line for line in lines[4:-1]}
    assert [n.replace("\u0305", "") for n in struck(row[5], "\u0305")] == ["0.900"]
    assert [n.replace("\u0332", "") for n in struck(row[5], "\u0332")] == ["0.100"]
    assert [n.replace("\u0332", "") for n in struck(row[7], "\u0332")] == ["0.050"]
    assert sum(len(struck(line, "\u0305")) for line in lines) == 2
    assert f"**{table.values[:, 0].mean():.3f}**" in lines[-1]
    assert "–" in row[9]


def test_csv_holds_the_plain_numbers(table):
    rows = list(csv.reader(io.StringIO(to_csv(table))))
    assert rows[0] == ["landmark", "name", "none", "st_rt"] and len(rows) == 70
    np.testing.assert_allclose([float(row[2]) for row in rows[1:69]], table.values[:, 0], atol=1e-6)
    assert rows[10][3] == ""
    assert float(rows[-1][3]) == pytest.approx(np.nanmean(table.values[:, 1]), abs=1e-6)


def test_latex_escapes_and_marks(table):
    text = to_latex(table)
    assert r"a \& b" in text and r"made\_up" in text and r"st\_rt" in text
    assert text.count(r"\overline") == text.count(r"\underline") == 2
    assert text.count(r" \\") == 1 + 68 + 1
    assert text.count("{") == text.count("}")


def test_html_is_well_formed_escaped_and_loads_nothing(table):
    text = to_html(table)
    opened = []

    class Checker(HTMLParser):
        def handle_starttag(self, tag, attributes):
            opened.extend([tag] * (tag != "meta"))

        def handle_endtag(self, tag):
            assert opened.pop() == tag

    Checker().feed(text)
    assert not opened
    assert "made_up &lt; data" in text and "a &amp; b" in text
    assert text.count('class="best"') == text.count('class="worst"') == 2
    assert text.startswith("<!DOCTYPE html>") and 'charset="utf-8"' in text
    assert "http" not in text and "prefers-color-scheme: dark" in text


def test_all_four_are_written_side_by_side(table, tmp_path):
    names = [path.name for path in write_tables(table, tmp_path / "table1.ours")]
    assert names == ["table1.ours.md", "table1.ours.csv", "table1.ours.tex", "table1.ours.html"]


def test_means_of_models_stand_below_each_other(table):
    lines = means_markdown([table, published_table()]).splitlines()
    assert lines[0].endswith("| none | st_rt |") and len(lines) == 4
    assert lines[3].endswith("| 0.520 | 0.004 |")
