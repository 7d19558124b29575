from __future__ import annotations

import json

import pytest

from faceviz.io import write_scan
from tests.evaluation.conftest import Brittle, Oracle, bumpy_scan


@pytest.fixture
def two_models(tmp_path, monkeypatch):
    """A folder with two scans, and two models that know them; pictures are left out."""
    scans = [bumpy_scan(seed, count=300) for seed in range(2)]
    (tmp_path / "scans").mkdir()
    for i, scan in enumerate(scans):
        write_scan(tmp_path / "scans" / f"{i}.npz", scan)
    exact, rigid = Oracle(scans), Brittle(scans)
    exact.description, rigid.description = {"sha256": "a" * 64}, {"sha256": "b" * 64}
    opened = []
    monkeypatch.setattr(
        "faceviz.evaluation.models.open_models", lambda names, device: opened.extend(names) or [exact, rigid]
    )
    monkeypatch.setattr("faceviz.view.reproduction._pictures", lambda *_: [])
    monkeypatch.setattr("faceviz.view.reproduction.landmark_multiples_chart", lambda report: _chart(report))
    return tmp_path / "scans", opened


def _chart(report):
    from faceviz.view.charts import iou_threshold_chart

    return iou_threshold_chart(report)


def test_tables_charts_and_summary_come_out_of_one_command(faceviz, tmp_path, two_models):
    folder, opened = two_models
    out = tmp_path / "out"
    code, text, _ = faceviz(
        "reproduce", "report-a", "--out", out, "--data", folder, "--models", "one,two", "--json", "-"
    )
    assert code == 0 and opened == ["one", "two"]
    summary = json.loads(text)
    assert summary["models"]["oracle"]["iou"]["st_rt"] == 1.0 > summary["models"]["brittle"]["iou"]["st_rt"]
    assert summary["command"].startswith("faceviz reproduce report-a --out")
    assert summary["data"]["scans"] == 2
    for name in ("README.md", "table1/oracle.tex", "table1/means.md", "charts/models.protocols.png.json"):
        assert (out / name).stat().st_size > 50


def test_a_file_in_place_of_the_folder_is_refused_before_any_work(faceviz, tmp_path, two_models):
    (tmp_path / "file").write_text("")
    code, _, err = faceviz("reproduce", "report-a", "--out", tmp_path / "file")
    assert code == 2 and "is a file" in err and two_models[1] == []


def test_a_model_that_does_not_exist_names_the_nearest(faceviz, tmp_path):
    code, _, err = faceviz(
        "reproduce", "report-a", "--out", tmp_path / "out", "--scans", 1, "--models", "se3une"
    )
    assert code == 2 and "did you mean 'se3unet'" in err
    assert not (tmp_path / "out").exists()
