from __future__ import annotations

import re

import cv2
import numpy as np
import pytest

from faceviz.display.face_truth import scan_truth
from faceviz.geometry.geometry_image import triangles
from faceviz.io import read_scan
from faceviz.io.frames import open_frames
from faceviz.scan import FaceScan
from tests.apps.desktop.hand import MEAN, differ, is_face


def test_the_video_is_shown_with_the_face_marked(hand):
    hand.hold()
    pane, window = hand.window.video, hand.window
    place = pane.picture_place
    assert place.width() / place.height() == pytest.approx(200 / 150)
    scale = place.width() / 200

    pixels = hand.pixels(pane).astype(int)

    def at(x, y, about=0):
        row, column = round(place.top() + scale * y), round(place.left() + scale * x)
        return pixels[row - about : row + about + 1, column - about : column + about + 1].reshape(-1, 3)

    np.testing.assert_allclose(at(20, 75), [[220, 0, 0]], atol=6)
    np.testing.assert_allclose(at(120, 140), [[40, 40, 40]], atol=6)
    for x, y in ((60, 70), (140, 70), (100, 30), (100, 110)):  # on the edges of the box
        assert np.abs(at(x, y, 3) - [0x12, 0xC4, 0xFF]).max(axis=1).min() < 40
    assert window.notice.isHidden()


def test_the_face_is_drawn_and_grows_with_the_images(hand):
    first = hand.face()
    assert is_face(first)
    hand.window.controls.colour.setCurrentIndex(1)
    hand.see(3)
    assert is_face(hand.face()) and differ(first, hand.face()) > 0.02
    chart = hand.window.chart
    assert len(chart.bars()) >= 3
    bar = chart.bars()[1][1].center()
    colour = hand.pixels(chart)[round(bar.y()), round(bar.x())]
    assert np.abs(colour.astype(int) - hand.pixels(chart)[2, 2]).max() > 60
    assert re.fullmatch(r"\d\.\d\d mm", hand.window.facts.values["last change"].text())
    assert "changed the face by" in chart.text_at(bar.x())


def test_pause_holds_and_start_goes_on(hand):
    hand.hold()
    assert hand.window.controls.start.text() == "Start"
    before, shown = hand.used, hand.camera.shown
    hand.until(lambda: hand.camera.shown > shown + 10)
    assert hand.used == before
    hand.click("start")
    hand.see()
    assert hand.window.controls.start.text() == "Pause"


def test_reset_forgets_the_face(hand):
    hand.see(2)
    hand.hold()
    before = hand.window._seen.progress
    hand.click("reset")
    hand.until(lambda: hand.used == 0)
    assert hand.window.chart.bars() == [] and before.used > 1
    np.testing.assert_allclose(hand.window._seen.progress.points, before.mean)
    hand.click("start")
    hand.see()


def test_images_without_a_face_are_counted_and_said(hand):
    hand.finder.faces = []
    hand.until(lambda: hand.window.facts.values["skipped"].text() not in ("-", "0"))
    hand.hold()
    assert "no face" in hand.window.video._said
    assert np.isnan(hand.window.chart.series.change[-1])


def test_the_face_is_exported_as_ply_obj_and_npz(hand, tmp_path, save_as):
    hand.hold()
    for name, kind, path in (
        ("a.ply", "", "a.ply"),
        ("a.obj", "", "a.obj"),
        ("a", "NPZ, arrays (*.npz)", "a.npz"),
    ):
        save_as(tmp_path / name, kind)
        hand.click("export")
        hand.until(lambda path=path: f"wrote {path}" in hand.window.facts.said.text())
        scan = read_scan(tmp_path / path)
        np.testing.assert_allclose(scan.points, hand.window._seen.progress.points, atol=1e-6)
        np.testing.assert_array_equal(scan.triangles, triangles())
        assert scan.unit == "mm"


def test_what_cannot_be_written_is_said_and_nothing_is_left(hand, tmp_path, save_as):
    hand.hold()
    save_as(tmp_path / "none" / "a.ply")
    hand.click("export")
    hand.until(lambda: "no such folder" in hand.window.facts.said.text())
    save_as("")
    hand.click("export")
    assert list(tmp_path.iterdir()) == []


def test_a_snapshot_holds_video_and_face(hand, tmp_path, save_as):
    hand.hold()
    save_as(tmp_path / "shot.png")
    hand.click("snapshot")
    hand.until(lambda: (tmp_path / "shot.png").exists() and "wrote" in hand.window.facts.said.text())
    image = cv2.imread(str(tmp_path / "shot.png"))[..., ::-1]
    view, window = hand.window.face.view, hand.window
    x, y = (lambda p: (p.x(), p.y()))(view.mapTo(window, view.rect().topLeft()))
    assert image.shape[:2] == (window.height(), window.width())
    assert is_face(image[y : y + view.height(), x : x + view.width()])
    assert (np.abs(image.astype(int) - [220, 0, 0]).max(axis=2) < 6).mean() > 0.05


def test_the_video_is_recorded(hand, tmp_path, save_as):
    save_as(tmp_path / "r.avi")
    hand.click("record")
    assert hand.window.controls.record.text() == "End recording"
    hand.until(lambda: hand.window.recorder.frames >= 5)
    assert "recording" in hand.window.facts.status.text()
    hand.click("record")
    hand.until(lambda: "wrote r.avi" in hand.window.facts.said.text())
    frames = list(open_frames(tmp_path / "r.avi"))
    assert len(frames) >= 5
    np.testing.assert_allclose(frames[0].image[75, 20], [220, 0, 0], atol=12)
    assert hand.window.controls.record.text() == "Record"


def test_closing_the_window_finishes_the_recording(hand, tmp_path, save_as):
    save_as(tmp_path / "r.avi")
    hand.press("v")
    hand.until(lambda: hand.window.recorder.frames >= 2)
    hand.window.close()
    assert len(list(open_frames(tmp_path / "r.avi"))) >= 2
    assert [path.name for path in tmp_path.iterdir()] == ["r.avi"]


def test_a_recording_that_is_cancelled_or_cannot_begin_leaves_the_button_up(hand, tmp_path, save_as):
    for path, said in (("", ""), (tmp_path / "none" / "r.avi", "cannot be written"), ("r.gif", "use .avi")):
        save_as(path)
        hand.click("record")
        hand.until(lambda said=said: said in hand.window.facts.said.text())
        assert hand.window.recorder is None and not hand.window.controls.record.isChecked()


def test_the_colours_show_height_change_or_error(made):
    hand = made(truth=scan_truth(FaceScan(1.02 * MEAN + [0, 0, 1.0], triangles(), unit="mm"), "true.ply"))
    hand.see(2)
    hand.hold()
    colour = hand.window.controls.colour
    assert colour.currentText() == "Error"  # where there is a truth, one wants to see it
    pictures = [hand.face()]
    for key, text in (("1", "Height"), ("2", "Change")):
        hand.press(key)
        assert colour.currentText() == text
        assert text.lower() in hand.window.face.bar.accessibleName()
        pictures.append(hand.face())
    assert all(map(is_face, pictures))
    assert differ(pictures[0], pictures[1]) > 0.05 and differ(pictures[1], pictures[2]) > 0.05
    assert hand.window.facts.values["mean error"].text().endswith(" mm")
    assert np.isfinite(hand.window.chart.series.error).all()


def test_without_a_truth_there_is_no_error_to_show(hand):
    colour = hand.window.controls.colour
    hand.press("3")
    assert colour.currentText() == "Height"
    hand.until(lambda: "--truth" in hand.window.facts.said.text())
    assert not colour.model().item(2).isEnabled()


def test_a_surface_or_points(hand):
    hand.hold()
    surface = hand.face()
    hand.press("p")
    assert hand.window.controls.body.currentText() == "Points"
    points = hand.face()
    assert is_face(points) and differ(surface, points) > 0.03
    hand.press("p")
    assert differ(surface, hand.face()) < 0.01


def test_the_face_is_neutral_or_wears_the_expression_seen(hand, tmp_path, save_as):
    hand.hold()
    neutral, progress = hand.face(), hand.window._seen.progress
    hand.press("x")
    assert hand.window.controls.wearing.currentText() == "As seen"
    seen = hand.face()
    assert is_face(seen) and differ(neutral, seen) > 0.01
    save_as(tmp_path / "a.ply", "")
    hand.click("export")
    hand.until(lambda: "wrote a.ply" in hand.window.facts.said.text())
    np.testing.assert_allclose(read_scan(tmp_path / "a.ply").points, progress.face("seen"), atol=1e-4)
    hand.press("x")
    assert differ(neutral, hand.face()) < 0.01


def test_the_mouse_turns_the_face_and_front_brings_it_back(hand):
    from qtpy.QtCore import QPoint, Qt

    hand.hold()
    front, view = hand.face(), hand.window.face.view
    middle = view.rect().center()
    hand.qtbot.mousePress(view, Qt.MouseButton.LeftButton, pos=middle)
    for x in (20, 60, 100):
        hand.qtbot.mouseMove(view, middle + QPoint(x, 0))
        hand.qtbot.wait(20)
    hand.qtbot.mouseRelease(view, Qt.MouseButton.LeftButton, pos=middle + QPoint(100, 0))
    assert is_face(hand.face()) and differ(front, hand.face()) > 0.05
    hand.click("front")
    assert differ(front, hand.face()) < 0.01


def test_dark_and_light_reach_every_pane(hand):
    hand.hold()
    window = hand.window
    panes = (window.face.view, window.face.bar, window.chart)
    assert all(hand.pixels(pane)[2, 2].min() > 200 for pane in panes)
    hand.click("dark")
    assert all(hand.pixels(pane)[2, 2].max() < 80 for pane in panes)
    assert is_face(hand.face())
    hand.press("d")
    assert all(hand.pixels(pane)[2, 2].min() > 200 for pane in panes)


def test_the_question_mark_lists_every_key(hand):
    from desktop.controls import KEYS

    hand.press("?")
    text = hand.window._keys.text()
    assert hand.window._keys.isVisible()
    assert all(f"<b>{entry.key}</b>" in text and entry.does in text for entry in KEYS)
    hand.window._keys.close()
    hand.click("help")
    assert hand.window._keys.isVisible()
    hand.window._keys.close()


def test_keys_do_what_the_buttons_do(hand):
    from qtpy.QtCore import Qt

    hand.press(" ")
    hand.until(lambda: hand.window.controls.start.text() == "Start")
    hand.until(lambda: hand.window.network.idle)
    hand.press("r")
    hand.until(lambda: hand.used == 0)
    hand.window.face.view.setFocus()
    hand.qtbot.keyClick(hand.window.face.view, Qt.Key.Key_Space)
    hand.see()


def test_every_control_says_what_it_is_for(hand):
    from qtpy.QtWidgets import QAbstractButton, QComboBox

    for kind in (QAbstractButton, QComboBox):
        for widget in hand.window.controls.findChildren(kind):
            if widget.isVisible():
                assert widget.toolTip(), widget
                assert widget.accessibleName() or widget.text(), widget
