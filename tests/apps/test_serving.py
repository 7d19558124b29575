from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from faceviz.errors import CheckpointError

ROOT = Path(__file__).parents[2]


def piece(name: str, data: bytes, chunk: int, of: int) -> SimpleNamespace:
    """A piece of an upload as a page sends it."""
    values = {"name": name, "data": data, "chunk": chunk, "total_chunks": of, "type": "model/ply"}
    return SimpleNamespace(event_name="upload_event", data=values)


def test_pieces_of_a_file_are_joined(monkeypatch):
    from widgets.dropper import Dropper

    place = Dropper()
    place._process_event(piece("a.ply", b"ab", 1, 2))
    place._process_event(piece("a.ply", b"cd", 2, 2))
    assert place.value == {"a.ply": b"abcd"}


def test_a_page_that_ignores_the_limit_fills_no_memory(monkeypatch):
    from widgets import dropper

    monkeypatch.setattr(dropper, "MAX_UPLOAD_MB", 1)
    place = dropper.Dropper()
    for number in range(1, 50):
        place._process_event(piece("a.ply", bytes(100_000), number, 10**9))
    for number in range(50):
        place._process_event(piece(f"{number}.ply", bytes(100_000), 1, 2))
    assert sum(len(part) for parts in place._file_buffer.values() for part in parts) <= 1_000_000
    place._process_event(piece("b.ply", bytes(1_100_000), 1, 1))
    assert not place.value


def test_the_limit_is_said_on_the_page_and_given_to_the_browser():
    from widgets.dropper import Dropper
    from widgets.serving import MAX_UPLOAD_MB

    assert Dropper().max_file_size == f"{MAX_UPLOAD_MB}MB"


def test_where_others_use_the_server_a_page_names_no_path(monkeypatch, tmp_path):
    from widgets import engine, serving

    monkeypatch.setattr(serving, "SHARED", True)
    engine.predictor.cache_clear()
    for path in (str(tmp_path), "/etc", "../../model.pth", "se3unet/../../x"):
        with pytest.raises(CheckpointError, match="chosen from the list on this server"):
            engine.predictor(path)
    assert engine.predictor("ordinary").name == "ordinary"
    engine.predictor.cache_clear()


def test_places_are_counted_and_given_back(monkeypatch):
    import panel as pn
    from widgets import serving

    gone = []
    monkeypatch.setattr(serving, "MAX_SESSIONS", 2)
    monkeypatch.setattr(serving, "_guests", set())
    monkeypatch.setattr(type(pn.state), "on_session_destroyed", lambda _, callback: gone.append(callback))
    documents = iter("abcd")
    monkeypatch.setattr(type(pn.state), "curdoc", property(lambda _: next(documents)))
    assert [serving.admit() for _ in range(2)] == [True, True]
    assert not serving.admit()
    gone[0](None)
    assert serving.admit()


OFFLINE = """
import sys
calls = []
def watch(event, arguments):
    if event in ("socket.getaddrinfo", "socket.gethostbyname", "urllib.Request"):
        calls.append((event, arguments[0])); raise OSError("the network is cut off")
    if event == "socket.connect" and str(arguments[1][0]) not in ("127.0.0.1", "::1"):
        calls.append((event, arguments[1])); raise OSError("the network is cut off")
sys.addaudithook(watch)
sys.path.insert(0, "apps")
import time
import landmarks
from widgets.engine import WORKER
app = landmarks.LandmarksApp()
app._begin()
end = time.monotonic() + 200
while (app.shown.moved is None or app.jobs.working) and time.monotonic() < end:
    time.sleep(0.05)
WORKER.submit(lambda: None).result()
print(calls, app.shown.moved is not None)
"""


@pytest.mark.slow
def test_with_the_network_cut_off_a_face_is_shown_and_nothing_has_asked_for_the_network():
    answer = subprocess.run([sys.executable, "-c", OFFLINE], cwd=ROOT, capture_output=True, text=True)
    assert answer.stdout.strip() == "[] True", answer.stdout + answer.stderr[-2000:]
