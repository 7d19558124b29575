from __future__ import annotations

import functools
import importlib.util
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from faceviz import assets
from faceviz.detection import FaceBox
from faceviz.display.face_truth import scan_truth
from faceviz.errors import CheckpointError
from faceviz.geometry.geometry_image import mean_face, triangles
from faceviz.io import read_scan
from faceviz.io.frames import FrameSource, open_frames
from faceviz.io.video import CameraFeed
from faceviz.io.weights import save_weights
from faceviz.models.reconstruction.stream import StreamConfig, StreamNetwork
from faceviz.reconstruct import FaceReconstructor
from faceviz.scan import FaceScan
from tests.virtual_display import ensure_display

SETTINGS = {"widths": [8, 8, 8, 8], "memory": 4, "hidden": 8, "components": 3}
BOX = FaceBox(60, 30, 80, 80, 5.0)
MEAN = mean_face().reshape(-1, 3)


@pytest.fixture(scope="session")
def qapp():
    """One application, on a real or virtual screen."""
    pytest.importorskip("PySide6")
    ensure_display()
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(Path("apps").resolve()))
        from desktop.application import make_application
    return make_application()


@functools.cache
def network() -> StreamNetwork:
    torch.manual_seed(0)
    net = StreamNetwork(StreamConfig.from_dict(SETTINGS))
    mean = torch.from_numpy(np.ascontiguousarray(np.moveaxis(mean_face(), -1, 0))).float()
    net.set_space(mean, 0.1 * torch.randn(3, 3, 64, 64), mean.mean(dim=(1, 2)), torch.tensor([1.0, 0.05]))
    return net


class Finder:
    """A detector that finds what it is told to; ``gate`` holds it up."""

    def __init__(self):
        self.faces, self.gate = [BOX], threading.Event()
        self.gate.set()

    def detect(self, image, near=None):
        self.gate.wait(30)
        return self.faces


class Camera:
    """A camera that can be pulled out, can freeze, and can be taken by another program.

    Its pictures are red on the left; something moves on the right.
    """

    def __init__(self):
        self.state, self.shown = "good", 0

    def isOpened(self):  # noqa: N802
        return self.state != "missing"

    def read(self):
        time.sleep(0.02)
        if self.state == "hanging":
            time.sleep(0.5)
            return True, self._picture()
        if self.state == "missing":
            return False, None
        self.shown += self.state == "good"
        return True, self._picture()

    def _picture(self):
        image = np.full((150, 200, 3), 40, np.uint8)
        image[:, :100] = (0, 0, 220)
        image[:, 150 + self.shown % 40 :] = (255, 255, 255)
        return image

    def get(self, _):
        return 0.0

    def release(self):
        pass

    def open(self, source):
        return FrameSource(CameraFeed(0, lambda _: self))


class Stopwatch:
    """Seconds, without those in which other programs on a busy machine let this one stand for over 0.1 s."""

    def __enter__(self):
        self.seconds, self._running = 0.0, True
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def _run(self):
        while self._running:
            before = time.monotonic()
            time.sleep(0.01)
            self.seconds += min(time.monotonic() - before, 0.1)

    def __exit__(self, *_):
        self._running = False
        self._thread.join()


class Hand:
    """A hand on the window."""

    def __init__(self, qtbot, window, camera, finder):
        self.qtbot, self.window, self.camera, self.finder = qtbot, window, camera, finder

    def click(self, name):
        from qtpy.QtCore import Qt

        self.qtbot.mouseClick(getattr(self.window.controls, name), Qt.MouseButton.LeftButton)

    def press(self, key):
        self.qtbot.keyClicks(self.window, key)

    def until(self, what, seconds=30):
        self.qtbot.waitUntil(lambda: bool(what()), timeout=1000 * seconds)

    @property
    def used(self):
        return int(self.window.facts.values["used"].text().replace("-", "0"))

    def see(self, images=1):
        """Until so many more images were used and drawn."""
        goal = self.used + images
        self.until(lambda: self.used >= goal)

    def hold(self):
        """Paused, and everything that was on its way is drawn."""
        self.click("start")
        self.until(lambda: self.window.network.idle)
        self.until(lambda: self.window._seen is self.window.network.seen)

    def pixels(self, widget):
        """(H, W, 3) uint8 of a widget as the window shows it."""
        whole = as_array(self.window.grab().toImage())
        corner = widget.mapTo(self.window, widget.rect().topLeft())
        x, y = corner.x(), corner.y()
        return whole[y : y + widget.height(), x : x + widget.width()].copy()

    def face(self):
        return self.pixels(self.window.face.view)


def as_array(image):
    """(H, W, 3) uint8 of a QImage."""
    image = image.convertToFormat(image.Format.Format_RGB888)
    raw = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return raw[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).copy()


def is_face(pixels):
    """A face fills its share of the view, in many colours, on a plain ground."""
    ground = pixels[2, 2].astype(int)
    other = np.abs(pixels.astype(int) - ground).max(axis=2) > 12
    colours = len(np.unique(pixels[other] // 16, axis=0))
    return 0.08 < other.mean() < 0.8 and other[:, :4].mean() < 0.05 and colours > 12


def differ(one, other):
    return np.abs(one.astype(int) - other.astype(int)).max(axis=2).__gt__(8).mean()


@pytest.fixture
def made(qtbot, monkeypatch):
    """Makes windows, and closes them."""
    hands = []

    def make(source="camera:0", *, truth=None, load=None, open=None, camera=None, **options):
        from desktop.window import ReconstructWindow, Setup

        camera, finder = camera or Camera(), Finder()
        load = load or (lambda quick: FaceReconstructor(network(), detector=finder, live=quick, device="cpu"))
        opener = open or (lambda s: camera.open(s) if s.startswith("camera:") else open_frames(s))
        window = ReconstructWindow(
            Setup(source, load, None if truth is None else lambda: truth, opener), **options
        )
        window.show()
        window.activateWindow()
        qtbot.waitActive(window, timeout=10_000)
        hands.append(Hand(qtbot, window, camera, finder))
        return hands[-1]

    yield make
    for hand in hands:
        hand.finder.gate.set()
        hand.window.close()


@pytest.fixture
def hand(made):
    """A hand on a window with a good camera, at work."""
    hand = made()
    hand.see()
    return hand


@pytest.fixture
def save_as(monkeypatch):
    """What the person answers where a file is asked for."""
    from qtpy.QtWidgets import QFileDialog

    def answer(path, kind=""):
        monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), kind))

    return answer


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


@pytest.mark.parametrize("how", ["missing", "frozen", "hanging"])
def test_a_lost_camera_is_said_within_two_seconds_and_taken_up_again(hand, how):
    notice = hand.window.notice
    with Stopwatch() as watch:
        hand.camera.state = how
        hand.until(notice.isVisible)
    assert watch.seconds < 2.0
    assert "camera:0" in notice.text() and "taken up again" in notice.text()
    assert hand.window.video._dim
    before = hand.used
    hand.camera.state = "good"
    hand.until(notice.isHidden)
    hand.until(lambda: hand.used > before)
    assert not hand.window.video._dim


def test_a_camera_that_comes_late_is_said_and_then_used(made):
    camera = Camera()
    camera.state = "missing"
    hand = made(camera=camera)
    hand.until(hand.window.notice.isVisible, 2)
    assert "no such camera" in hand.window.notice.text()
    assert "waiting for camera:0" in hand.window.facts.status.text() or not hand.window.network.loaded
    camera.state = "good"
    hand.see()
    assert hand.window.notice.isHidden()


def test_a_camera_that_hangs_when_opened_is_said_within_two_seconds(made):
    gate = threading.Event()
    hand = made(open=lambda _: gate.wait(30) and Camera().open(""))
    with Stopwatch() as watch:
        hand.until(hand.window.notice.isVisible)
    assert watch.seconds < 2.0
    assert "no other program" in hand.window.notice.text()
    gate.set()
    hand.see()


def test_a_slow_network_holds_up_neither_window_nor_video_and_pictures_are_dropped(hand):
    hand.finder.gate.clear()
    hand.until(lambda: not hand.window.network.idle)
    first = hand.pixels(hand.window.video)
    shown, before = hand.camera.shown, hand.window.network.seen
    hand.until(lambda: hand.camera.shown > shown + 20)
    hand.until(lambda: differ(first, hand.pixels(hand.window.video)) > 0.001)
    hand.click("dark")
    assert hand.window.controls.dark.isChecked() and hand.window.network.seen is before
    hand.click("dark")
    hand.finder.gate.set()
    hand.until(lambda: int(hand.window.facts.values["dropped"].text()) >= 10)
    assert hand.window.network.seen.progress.used < hand.camera.shown / 2


def test_all_images_of_a_folder_are_used_and_bad_ones_named(made, tmp_path):
    rng = np.random.default_rng(0)
    for i in range(4):
        cv2.imwrite(str(tmp_path / f"{i}.png"), rng.integers(0, 256, (150, 200, 3), dtype=np.uint8))
    (tmp_path / "2b.jpg").write_bytes(b"\xff\xd8\xff no picture")
    hand = made(str(tmp_path))
    hand.until(lambda: hand.used == 4)
    hand.until(lambda: hand.window.controls.start.text() == "Start")
    assert hand.window.facts.values["dropped"].text() == "0"
    assert "2b.jpg" in hand.window.notice.text()
    hand.click("start")
    hand.until(lambda: hand.used == 8)


def test_a_source_is_chosen_from_the_menu_or_dropped(hand, tmp_path, monkeypatch):
    from qtpy.QtCore import QMimeData, QUrl
    from qtpy.QtWidgets import QFileDialog

    actions = {action.text(): action for action in hand.window.controls.source.menu().actions()}
    actions["Sample images"].trigger()
    assert hand.window.source == str(assets.path("sequences/sample"))
    hand.until(lambda: hand.used >= 1 and hand.window._frame_shown.source.endswith(".jpg"))
    clip = str(assets.path("sequences/sample/clip.avi"))
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (clip, ""))
    hand.press("o")
    assert hand.window.source == clip
    (tmp_path / "broken.mp4").write_bytes(b"no video")

    class Drop:
        def mimeData(self):  # noqa: N802
            data = QMimeData()
            data.setUrls([QUrl.fromLocalFile(str(tmp_path / "broken.mp4"))])
            return data

    hand.window.dropEvent(Drop())
    hand.until(hand.window.notice.isVisible)
    assert "broken.mp4" in hand.window.notice.text() and "; " in hand.window.notice.text()
    actions["Camera 0"].trigger()
    hand.see()
    assert hand.window.notice.isHidden()


def test_weights_that_cannot_be_read_are_said_in_the_window(made):
    def load(_):
        raise CheckpointError("faceviz-stream: has no weights; train it or name another with --model")

    hand = made(load=load)
    hand.until(hand.window.notice.isVisible)
    assert "has no weights" in hand.window.notice.text()
    assert hand.window.video.picture_place.width() > 0 or not hand.window.watcher.over


# ---- the program from outside


@pytest.fixture
def model(tmp_path):
    save_weights(
        tmp_path / "tiny", network().state_dict(), {"architecture": "faceviz-stream", "network": SETTINGS}
    )
    return str(tmp_path / "tiny")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model", "nowhere"], "no model named 'nowhere'"),
        (["--model", "{model}", "--source", "nowhere"], "nowhere: does not exist"),
        (["--model", "{model}", "--truth", "nowhere"], "nowhere: is no file"),
    ],
)
def test_what_cannot_begin_is_one_line_and_exit_code_2(qapp, capsys, model, arguments, message):
    import reconstruct_gui

    assert reconstruct_gui.main([a.replace("{model}", model) for a in arguments]) == 2
    said = capsys.readouterr().err
    assert message in said and said.count("\n") == 1 and said.startswith("error: ")


def test_without_qt_the_extra_is_named(capsys, monkeypatch):
    import reconstruct_gui

    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *a: None if name == "PySide6" else find(name, *a)
    )
    assert reconstruct_gui.main([]) == 2
    assert 'pip install "faceviz[desktop]"' in capsys.readouterr().err


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems always have a screen")
def test_without_a_screen_it_says_so(capsys, monkeypatch):
    import reconstruct_gui

    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    assert reconstruct_gui.main([]) == 2
    assert "there is no screen" in capsys.readouterr().err


@pytest.mark.slow
def test_the_program_runs_on_its_own_and_ends_when_asked(qapp, model):
    program = Path("apps/reconstruct_gui.py").resolve()
    child = subprocess.Popen(
        [sys.executable, str(program), "--model", model, "--source", str(assets.path("sequences/sample"))],
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        seen = _screen_changes(qapp, 150)
        child.send_signal(signal.SIGINT)
        _, said = child.communicate(timeout=60)
    finally:
        child.kill()
    assert seen and child.returncode == 0, said
    assert "Traceback" not in said


def _screen_changes(qapp, seconds):
    """Waits until a window covers a good part of the screen."""
    before, end = _screen(qapp), time.monotonic() + seconds
    while time.monotonic() < end:
        if differ(before, _screen(qapp)) > 0.2:
            return True
        time.sleep(0.2)
    return False


def _screen(qapp):
    qapp.processEvents()
    return as_array(qapp.primaryScreen().grabWindow(0).toImage())
