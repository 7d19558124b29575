from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest

from faceviz.evaluation import DataSource
from faceviz.testing import random_face
from faceviz.view import reproduction
from faceviz.view.reproduction import Request, reproduce
from tests.evaluation.conftest import Brittle, Oracle, bumpy_scan

SCANS = [bumpy_scan(seed) for seed in range(2)]


def model(kind, name):
    made = kind(SCANS)
    made.name, made.description = name, {"sha256": hashlib.sha256(name.encode()).hexdigest()}
    return made


def source():
    return DataSource("made:up", "two bumpy scans", iter(SCANS), 2)


@pytest.fixture
def request_(tmp_path):
    return Request(tmp_path, "faceviz reproduce report-a --out x", 0, random_face(0, 1500))


@pytest.fixture
def committed(monkeypatch):
    """As in a work tree without changes."""
    record = {"commit": "c" * 40, "versions": {}, "platform": "here", "date": "today"}
    for module in ("faceviz.view.reproduction", "faceviz.evaluation.landmarks"):
        monkeypatch.setattr(f"{module}.provenance", lambda: record)


@pytest.fixture
def without_pictures(monkeypatch):
    monkeypatch.setattr(reproduction, "_pictures", lambda *_: [])
    monkeypatch.setattr(reproduction, "landmark_multiples_chart", reproduction.iou_threshold_chart)


@pytest.mark.slow
def test_every_figure_has_its_record_and_the_summary_its_figures(request_):
    said = []
    summary = reproduce(request_, [model(Oracle, "exact"), model(Brittle, "rigid")], source, say=said.append)
    assert summary["models"]["exact"]["iou"]["st_rt"] == 1.0
    assert summary["models"]["rigid"]["iou"]["st_rt"] < 0.1
    assert summary["published"]["none"] == pytest.approx(0.520, abs=6e-4)
    assert summary == json.loads((request_.out / "summary.json").read_text())
    pictures = [name for name in summary["files"] if name.endswith(".png")]
    assert {"figures/protocols.dark.png", "charts/models.threshold.png", "charts/rigid.multiples.png"} <= set(
        pictures
    )
    for name in pictures:
        record = json.loads((request_.out / f"{name}.json").read_text())
        assert record["sha256"] == hashlib.sha256((request_.out / name).read_bytes()).hexdigest()
        assert record["command"] == request_.command and record["seed"] == 0
        assert len(record["data"]["sha256"]) == 64 and record["weights"]
        assert "none" in record["protocols"] and "commit" in record
    assert not list(request_.out.rglob("*.partial"))
    assert "| rigid |" in (request_.out / "README.md").read_text()


def test_an_interrupted_call_goes_on_with_what_is_missing(request_, committed, without_pictures):
    class Interrupted(Oracle):
        def heatmaps(self, points):
            raise KeyboardInterrupt

    exact, said = model(Oracle, "exact"), []
    with pytest.raises(KeyboardInterrupt):
        reproduce(request_, [exact, model(Interrupted, "rigid")], source, say=said.append)
    reproduce(request_, [exact, model(Brittle, "rigid")], source, say=said.append)
    assert [line for line in said if line.startswith("exact")] == [
        "exact: evaluating",
        "exact: measured before",
    ]


def test_other_weights_data_or_seed_are_measured_anew(request_, committed, without_pictures):
    said = []
    reproduce(request_, [model(Oracle, "exact")], source, say=said.append)
    other = model(Oracle, "exact")
    other.description = {"sha256": "0" * 64}
    reproduce(request_, [other], source, say=said.append)
    again = Request(request_.out, request_.command, 1, request_.example)
    reproduce(again, [other], source, say=said.append)
    reproduce(again, [other], lambda: DataSource("b", "others", iter(SCANS), 2), say=said.append)
    assert said.count("exact: evaluating") == 4


def test_code_that_was_changed_measures_anew(request_, monkeypatch, without_pictures):
    record = {"commit": "c" * 40 + "+changes", "versions": {}, "platform": "here", "date": "today"}
    for module in ("faceviz.view.reproduction", "faceviz.evaluation.landmarks"):
        monkeypatch.setattr(f"{module}.provenance", lambda: record)
    said = []
    for _ in range(2):
        reproduce(request_, [model(Oracle, "exact")], source, say=said.append)
    assert said.count("exact: evaluating") == 2


def test_progress_counts_the_scans_of_all_models(request_, without_pictures):
    seen = []
    reproduce(
        request_, [model(Oracle, "a"), model(Oracle, "b")], source, progress=seen.append, say=lambda _: None
    )
    assert seen == [1, 2, 3, 4]


def test_the_checksum_of_the_data_tells_one_coordinate_apart(request_, without_pictures):
    def checksum(scans, name):
        source = DataSource("a", name, iter(scans), 1)
        summary = reproduce(request_, [model(Oracle, "a")], lambda: source, say=lambda _: None)
        return summary["data"]["sha256"]

    points = SCANS[0].points.copy()
    points[7, 1] = np.nextafter(points[7, 1], 1e9)
    other = [SCANS[0].with_(points=points)]
    assert checksum(SCANS[:1], "one") == checksum(SCANS[:1], "again") != checksum(other, "other")
