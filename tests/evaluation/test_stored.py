import numpy as np
import pytest

from faceviz.errors import ConfigError
from faceviz.evaluation import PROTOCOLS, evaluate_landmarks
from faceviz.evaluation.stored import read_report
from tests.evaluation.conftest import Brittle


def test_a_report_comes_back_as_written(scans, tmp_path):
    report = evaluate_landmarks(scans[:2], Brittle(scans), [PROTOCOLS["none"], PROTOCOLS["st_t"]], seed=4)
    path = tmp_path / "report.json"
    path.write_text(report.to_json())
    again = read_report(path)
    assert (again.seed, again.data, again.model) == (4, report.data, report.model)
    for name in ("none", "st_t"):
        np.testing.assert_array_equal(again[name].iou, report[name].iou)
        np.testing.assert_allclose(again[name].curve, report[name].curve, atol=1e-5)
    assert again.provenance == report.provenance and len(again.per_scan) == 2


@pytest.mark.parametrize("text", [None, "", "[]", "{}", '{"data": {}, "protocols": {"none": {}}}'])
def test_what_is_no_report_is_refused(tmp_path, text):
    path = tmp_path / "report.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ConfigError, match="report.json"):
        read_report(path)
