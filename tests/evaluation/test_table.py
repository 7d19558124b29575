import json

import numpy as np
import pytest

from faceviz.errors import ConfigError, ShapeError
from faceviz.evaluation import PROTOCOLS, evaluate_landmarks
from faceviz.evaluation.report import PUBLISHED_IOU
from faceviz.evaluation.table import IouTable, json_table, published_table, report_table
from tests.evaluation.conftest import Brittle


def test_the_published_table_has_the_means_and_extremes_of_the_report():
    table = published_table()
    assert table.columns == tuple(PUBLISHED_IOU)
    for name, (mean, least, greatest) in PUBLISHED_IOU.items():
        column = table.column(name)
        np.testing.assert_allclose(
            [column.mean(), column.min(), column.max()], [mean, least, greatest], atol=6e-4
        )


def test_a_report_and_its_json_give_the_same_table(scans):
    report = evaluate_landmarks(scans[:2], Brittle(scans), [PROTOCOLS["none"], PROTOCOLS["st_t"]])
    table, again = report_table(report), json_table(json.loads(report.to_json()))
    assert table.columns == again.columns == ("none", "st_t")
    np.testing.assert_array_equal(table.values, again.values)
    assert table.caption == again.caption and "seed 0" in table.caption


def test_best_and_worst_leave_out_what_is_undefined():
    values = np.linspace(0, 1, 68)[:, None] * [1.0, np.nan]
    values[0, 0] = np.nan
    table = IouTable("x", ("none", "st_t"), values)
    assert table.best == (67, None) and table.worst == (1, None)
    assert np.isnan(table.means[1])


def test_what_is_no_table_is_refused():
    with pytest.raises(ShapeError, match="must be"):
        IouTable("x", ("none",), np.zeros((67, 1)))
    with pytest.raises(ConfigError, match="--json"):
        json_table({"model": {"name": "x"}})
