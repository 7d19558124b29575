from __future__ import annotations

import json
import re
from dataclasses import replace

import numpy as np
import pytest
from pypdf import PdfReader

from faceviz.display import state
from faceviz.display.session import Session
from faceviz.display.settings import Settings
from faceviz.errors import FileFormatError
from faceviz.landmarks import NAMES
from faceviz.pipeline import model_folder
from faceviz.view.report import check_ending, measure_motions, report_content, write_report
from faceviz.view.report import content as content_module
from tests.colours import inside, off_the_map
from tests.meshes import random_mesh
from tests.truthful import TruthfulPredictor

COMMAND = "faceviz report mesh_1.ply -o report.pdf"


@pytest.fixture(scope="module")
def predictor():
    from faceviz.io.weights import load_weights

    predictor = TruthfulPredictor()
    predictor.name = "se3unet"  # so that there is a card
    predictor.description = load_weights(model_folder("se3unet"))[1]
    return predictor


@pytest.fixture(scope="module")
def session(predictor):
    return Session.of_prediction(predictor.predict(random_mesh(1, 900)), predictor)


@pytest.fixture(scope="module")
def content(session, predictor):
    return report_content(session, COMMAND, measure_motions(predictor, session, count=3))


@pytest.fixture(scope="module", autouse=True)
def small_pictures():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(content_module, "_PICTURE", (630, 342))
        yield


@pytest.fixture(scope="module")
def pdf(content, tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "report.pdf"
    write_report(path, content)
    return PdfReader(path)


@pytest.fixture(scope="module")
def page(content, tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "report.html"
    write_report(path, content)
    return path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def text(pdf):
    return [part.extract_text() for part in pdf.pages]


def test_the_pages_are_a4_and_numbered(pdf, text):
    assert len(pdf.pages) == 5
    assert all(part.mediabox[2:] == pytest.approx((595, 842), abs=1) for part in pdf.pages)
    assert all(f"{i} of 5" in part and "mesh_1.ply" in part for i, part in enumerate(text, 1))
    assert pdf.metadata["/Title"] == "Landmark report: mesh_1.ply"


def test_the_summary_tells_the_four_figures(content, text):
    numbers = content.first
    for figure in (
        f"{numbers.mean_iou:.3f}",
        f"{numbers.median_error:.2f} mm",
        f"{content.motions.worst:.1e}",
    ):
        assert figure in text[0]
    assert "worst of 3 random motions" in text[0]


def test_the_table_has_all_68_landmarks_with_their_iou(content, text):
    for i, name in enumerate(NAMES):
        line = re.search(rf"^{i} {re.escape(name)} (.*)$", text[2], re.MULTILINE)
        assert line, f"landmark {i} is missing"
        told = line[1].split()
        assert told[:3] == [
            f"{content.confidence[i]:.2f}",
            f"{content.first.iou[i]:.3f}",
            f"{content.first.error[i]:.2f}",
        ]
        np.testing.assert_allclose([float(v) for v in told[3:]], content.landmarks[i], atol=0.06)


def test_protocol_versions_command_and_card_are_there(content, text):
    rest = " ".join(" ".join(text[3:]).split())
    for wanted in (COMMAND, "seed 0", "torch", content.document.scan.sha256[:32], "Training", "st_rt"):
        assert wanted in rest
    assert content.document.views[0].model.sha256[:16] in rest


def test_the_pictures_show_prediction_truth_and_difference_in_the_colours_of_the_map(pdf):
    pictures = [np.asarray(found.image.convert("RGB")) for found in pdf.pages[0].images]
    assert [picture.shape for picture in pictures] == [(342, 630, 3)] * 2
    for picture in pictures:
        panes = np.split(picture[60:300], 3, axis=1)
        skins = [pane[inside(pane)] for pane in panes]
        assert all(len(skin) > 1500 for skin in skins)
        assert all(np.median(off_the_map(skin, "ember")) < 6 for skin in skins)
        prediction, truth, difference = (skin[:, 0].mean() for skin in skins)
        assert difference < 0.75 * prediction, "less is red where only the difference is hot"
        assert truth == pytest.approx(prediction, rel=0.15)


def test_the_page_holds_all_that_the_pdf_holds(content, page):
    for wanted in (COMMAND, *NAMES, f"{content.first.mean_iou:.3f}", "Model card", "seed 0"):
        assert wanted in page
    assert len(re.findall(r'<img [^>]*src="data:image/png;base64,', page)) == 2
    assert page.count('<svg class="chart"') == 3
    assert not re.findall(r'(?:src|href)="(?!data:|#)', page)


def test_its_numbers_can_be_had_as_json(content):
    values = json.loads(json.dumps(content.to_dict(), allow_nan=False))
    assert values["numbers"]["mean_iou"] == content.first.mean_iou
    np.testing.assert_array_equal(values["landmarks"], content.landmarks)
    assert len(values["iou_curves"]["Ours"]) == len(values["thresholds"])
    assert values["motions"] == {"seed": 0, "changes": list(content.motions.changes)}


def test_a_motion_that_breaks_the_heat_is_told(session):
    leaky = TruthfulPredictor(leak=0.05)
    assert measure_motions(leaky, session, count=2).worst > 1e-3


def test_a_scan_without_truth_has_a_report_without_iou(predictor, tmp_path):
    bare = predictor.predict(random_mesh(1, 400).with_(landmarks=None))
    content = report_content(Session.of_prediction(bare, predictor), COMMAND)
    assert all(len(spec.panes) == 1 for spec in content.scenes)
    write_report(tmp_path / "report.pdf", content)
    text = " ".join(part.extract_text() for part in PdfReader(tmp_path / "report.pdf").pages)
    assert "no truth given" in text and "Confidence of each landmark" in text
    assert "not measured anew" in text


def test_of_two_models_each_has_a_row_of_pictures_and_a_line(predictor, session):
    settings = Settings(beside="model", second="ordinary", rotation_deg=(0, 150, 0))
    pose = settings.pose(session.scan.centroid)
    second = state.move(TruthfulPredictor(error=0.05), session.moved.loaded, pose)
    moved = state.move(predictor, session.moved.loaded, pose)
    content = report_content(Session(moved, settings, second), COMMAND)
    assert len(content.scenes) == 3 and list(content.curves) == ["Ours", "truthful"]
    assert all(np.array_equal(spec.pose.matrix, np.eye(4)) for spec in content.scenes), "seen from the front"
    assert "turned by (0\u00b0, 150\u00b0, 0\u00b0)" in " ".join(content.protocol())


def test_a_model_that_is_not_here_has_no_card(session):
    elsewhere = replace(session, models=(session.models[0].model_copy(update={"name": "elsewhere"}),))
    assert report_content(elsewhere, COMMAND).card == ""


def test_another_ending_is_refused():
    with pytest.raises(FileFormatError, match=r"report.doc: a report is a \.pdf or an \.html"):
        check_ending("report.doc")
