import numpy as np
import pytest
from PIL import Image

from faceviz.evaluation.report import PUBLISHED_IOU, EvaluationReport, ProtocolResult
from faceviz.evaluation.table import published_table, report_table
from faceviz.metrics import CURVE_THRESHOLDS
from faceviz.view.charts import save_figure
from faceviz.view.comparison import (
    landmark_multiples_chart,
    protocols_of_models_chart,
    thresholds_of_models_chart,
)


def report(name, top):
    curve = np.linspace(top, 0.1, len(CURVE_THRESHOLDS))[:, None] * np.linspace(0.8, 1.0, 68)
    curve[-1] = np.nan
    protocols = tuple(ProtocolResult(protocol, curve[2], curve, 0.0) for protocol in PUBLISHED_IOU)
    data = {"description": "made up", "scans": 3}
    return EvaluationReport(data, {"name": name}, protocols, CURVE_THRESHOLDS, None, 0, 1.0, {"commit": None})


@pytest.fixture
def reports():
    return [report("one", 0.9), report("two", 0.4)]


def test_bars_stand_for_the_means(reports):
    tables = [*(report_table(r) for r in reports), published_table()]
    (axes,) = protocols_of_models_chart(tables).axes
    heights = [bar.get_height() for bar in axes.patches]
    np.testing.assert_allclose(heights, np.concatenate([table.means for table in tables]))
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [table.name for table in tables]


def test_each_protocol_has_a_panel_with_a_line_for_each_model(reports):
    figure = thresholds_of_models_chart(reports, ("none", "st_t"))
    assert [len(axes.lines) for axes in figure.axes] == [2, 2]
    np.testing.assert_allclose(figure.axes[1].lines[1].get_ydata()[0], reports[1]["st_t"].curve[0].mean())


def test_68_small_charts_hold_a_line_for_each_protocol(reports):
    figure = landmark_multiples_chart(reports[0])
    drawn = [axes for axes in figure.axes if axes.lines]
    assert len(drawn) == 68 and all(len(axes.lines) == 7 for axes in drawn)
    np.testing.assert_allclose(drawn[67].lines[0].get_ydata(), reports[0]["none"].curve[:, 67])
    assert drawn[30].texts[0].get_text() == "30 nose tip"


def test_a_chart_appears_whole(reports, tmp_path):
    path = save_figure(thresholds_of_models_chart(reports), tmp_path / "a.png")
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"]
    assert Image.open(path).size[0] > 1000
