from __future__ import annotations

import io
import json
import zipfile

import numpy as np
import pytest

from faceviz.display import state
from faceviz.display.session import (
    Session,
    is_session,
    read_session,
    read_session_bytes,
    save_session,
    session_bytes,
    session_document,
)
from faceviz.display.settings import Settings
from faceviz.display.wire import scene_to_wire
from faceviz.errors import FileFormatError
from faceviz.io import write_scan
from faceviz.scan import FaceScan
from faceviz.testing import random_face
from tests.truthful import TruthfulPredictor

SETTINGS = Settings(
    landmark=30, threshold=0.31, colormap="viridis", rotation_deg=(10, -80, 3.3), translation=(5, 0, 700)
)


def described(**values) -> TruthfulPredictor:
    predictor = TruthfulPredictor(**values)
    predictor.description = {"architecture": "truth", "sha256": "ab" * 32}
    return predictor


@pytest.fixture(scope="module")
def predictor() -> TruthfulPredictor:
    return described(leak=0.02)


@pytest.fixture(scope="module")
def session(predictor) -> Session:
    """A moved scan, seen by two models."""
    loaded = state.load(predictor, random_face(1, 700))
    pose = SETTINGS.pose(loaded.scan.centroid)
    second = state.move(described(error=0.05), loaded, pose)
    return Session(
        state.move(predictor, loaded, pose), SETTINGS.with_(beside="model", second="other"), second
    )


@pytest.fixture(scope="module")
def content(session) -> bytes:
    return session_bytes(session)


def altered(content: bytes, document=lambda d: None, drop: str = "", **arrays) -> bytes:
    """A session file in which something was changed by hand."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name == "session.json":
                values = json.loads(data)
                document(values)
                data = json.dumps(values).encode()
            if name.removesuffix(".npy") in arrays:
                buffer = io.BytesIO()
                np.save(buffer, arrays[name.removesuffix(".npy")])
                data = buffer.getvalue()
            if name != drop:
                new.writestr(name, data)
    return out.getvalue()


def test_an_opened_session_has_identical_numbers_and_an_identical_scene(session, content):
    opened = read_session_bytes("a.zip", content)
    assert opened.settings == session.settings
    told, again = (session_document(part).model_dump(exclude={"provenance"}) for part in (session, opened))
    assert again == told
    for threshold in (0.1, 0.31, 0.9):
        assert state.moved_table(opened.moved, threshold) == state.moved_table(session.moved, threshold)
        assert state.moved_table(opened.second, threshold) == state.moved_table(session.second, threshold)
    a, b = scene_to_wire(session.scene()), scene_to_wire(opened.scene())
    a["look"].pop("scan"), b["look"].pop("scan")  # a key of its own for each loaded scan
    assert a == b


def test_saving_an_opened_session_gives_the_same_file(content):
    assert session_bytes(read_session_bytes("a.zip", content)) == content


def test_no_network_is_asked_when_a_session_is_opened(session, content, predictor, monkeypatch):
    monkeypatch.setattr(TruthfulPredictor, "predict_prepared", lambda *_, **__: pytest.fail("asked"))
    read_session_bytes("a.zip", content).scene()


def test_a_scan_without_triangles_and_truth_has_none_afterwards_either(predictor):
    bare = random_face(2, 300).with_(landmarks=None)
    opened = read_session_bytes(
        "a.zip", session_bytes(Session.of_prediction(predictor.predict(bare), predictor))
    )
    assert opened.scan.triangles is None and opened.scan.landmarks is None
    assert session_document(opened).views[0].numbers.iou is None


def test_a_mesh_in_raw_mode_keeps_its_points_once(predictor):
    face = random_face(3, 200)
    prepared = state.load(predictor, face).unmoved.prepared
    raw = type(prepared)(
        face.with_(triangles=[[0, 1, 2]]), face.points, face.points, np.zeros(3), 1.0, raw=True
    )
    session = Session.of_prediction(predictor.predict_prepared(raw), predictor)
    data = session_bytes(session)
    assert "cloud_points.npy" not in zipfile.ZipFile(io.BytesIO(data)).namelist()
    opened = read_session_bytes("a.zip", data)
    np.testing.assert_array_equal(opened.prediction.heatmaps, session.prediction.heatmaps)
    np.testing.assert_array_equal(opened.scan.triangles, [[0, 1, 2]])


def test_landmarks_of_a_moved_session_are_told_where_the_scan_lay(session):
    still = session.moved.loaded.unmoved.landmarks
    np.testing.assert_allclose(session.prediction.landmarks, still, atol=1e-9)


def test_a_bound_network_moves_an_opened_scan_further(content, predictor):
    opened = read_session_bytes("a.zip", content)
    assert opened.moved.loaded.predictor is None and opened.knows(predictor)
    bound = opened.with_predictor(predictor)
    before = predictor.passes
    state.move(predictor, bound.moved.loaded, SETTINGS.pose(bound.scan.centroid))
    assert predictor.passes == before + 1, "the scan at rest is not asked again"


def test_other_weights_of_the_same_name_are_told_apart(content):
    other = described()
    other.description = {"architecture": "truth", "sha256": "cd" * 32}
    assert not read_session_bytes("a.zip", content).knows(other)


def test_a_session_file_is_known_by_content(tmp_path, session):
    save_session(tmp_path / "no_ending", session)
    write_scan(tmp_path / "scan.npz", random_face(1, 100))
    assert is_session(tmp_path / "no_ending") and is_session(tmp_path / "none.zip")
    assert not is_session(tmp_path / "scan.npz") and not is_session(tmp_path / "none.ply")
    assert read_session(tmp_path / "no_ending").settings == session.settings


def test_a_failed_save_leaves_the_former_file(tmp_path, session, monkeypatch):
    (tmp_path / "a.zip").write_bytes(b"former")
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left")))
    with pytest.raises(FileFormatError, match="a.zip: cannot be written"):
        save_session(tmp_path / "a.zip", session)
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("a.zip", b"former")]


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        (lambda d: d.update(version=2), "is a session of version 2, this faceviz reads version 1"),
        (lambda d: d.pop("version"), "is a session of version None"),
        (lambda d: d.update(format="blender"), "of another program"),
        (lambda d: d.update(extra=1), "session.json, extra"),
        (lambda d: d.pop("provenance"), "session.json, provenance: Field required"),
        (lambda d: d["settings"].update(colormap="jet"), "'jet' does not exist"),
        (lambda d: d["settings"].update(speed=3), "session.json, settings.speed"),
        (lambda d: d["views"][0]["moved"]["landmarks"].pop(), "at least 68"),
        (lambda d: d["views"][0]["moved"]["confidence"].__setitem__(0, 1.5), "less than or equal to 1"),
        (lambda d: d["views"][0]["moved"]["pose"][0].__setitem__(0, 9.0), "not a proper rotation"),
        (lambda d: d["views"][0]["numbers"]["iou"].__setitem__(0, 0.123), "numbers that do not follow"),
        (lambda d: d["scan"].update(sha256="0"), "another scan than its checksum"),
        (lambda d: d["scan"].update(points=701), "has an array 'scan_points' of shape"),
        (lambda d: d["scan"].update(unit="parsec"), "'parsec' is not known"),
    ],
)
def test_a_document_that_was_tampered_with_is_one_line(content, change, cause):
    with pytest.raises(FileFormatError) as caught:
        read_session_bytes("dir/my.zip", altered(content, change))
    assert cause in str(caught.value) and str(caught.value).startswith("my.zip: ")
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 250


@pytest.mark.parametrize(
    "name", ["scan_points", "scan_landmarks", "cloud_surface", "heat", "second_moved_heat"]
)
def test_a_missing_array_is_named(content, name):
    with pytest.raises(FileFormatError, match=f"my.zip: lacks the array '{name}'; save the session again"):
        read_session_bytes("my.zip", altered(content, drop=f"{name}.npy"))


def test_an_array_of_another_shape_is_named(content):
    with pytest.raises(FileFormatError, match="'moved_heat' of shape"):
        read_session_bytes("my.zip", altered(content, moved_heat=np.zeros((3, 68))))


def test_a_file_over_the_limit_is_refused(tmp_path, session):
    save_session(tmp_path / "a.zip", session)
    with pytest.raises(FileFormatError, match="more than the 1,000 allowed"):
        read_session(tmp_path / "a.zip", max_bytes=1000)


def test_a_scan_is_no_session(tmp_path):
    write_scan(tmp_path / "scan.npz", FaceScan(np.eye(3)))
    with pytest.raises(FileFormatError, match="holds no session.json"):
        read_session(tmp_path / "scan.npz")
