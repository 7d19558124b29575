"""The server as others meet it: one real process, websocket clients, no browser."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.hostile.guest import Guest

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
FULL = "All places are taken"


@pytest.fixture(scope="module")
def users(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("users") / "users.json"
    path.write_text('{"ada": "secret"}')
    path.chmod(0o600)
    return path


@pytest.fixture(scope="module")
def temporary(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("temporary")


@pytest.fixture(scope="module")
def server(temporary) -> Iterator[tuple[subprocess.Popen, str]]:
    """``faceviz serve`` for two people, and its address."""
    with started(temporary, "--max-sessions", "2") as found:
        yield found


class started:  # noqa: N801 - used like a function
    """``faceviz serve`` in a process, until the block ends."""

    def __init__(self, temporary: Path, *arguments: str) -> None:
        environment = {**os.environ, "TMPDIR": str(temporary), "PYTHONUNBUFFERED": "1"}
        self.log = (temporary / "log.txt").open("w")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "faceviz", "serve", "--port", "0", *arguments],
            cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=self.log, text=True,
        )  # fmt: skip

    def __enter__(self) -> tuple[subprocess.Popen, str]:
        line = self.process.stdout.readline()
        address = re.search(r"http://\S+", line).group()
        end = time.monotonic() + 120
        while time.monotonic() < end:
            try:
                urllib.request.urlopen(address.rpartition("/")[0] + "/static/js/bokeh.min.js").close()
                return self.process, address
            except urllib.error.HTTPError:
                return self.process, address
            except OSError:
                time.sleep(0.2)
        raise AssertionError("the server does not begin")

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.log.close()


def fetch(address: str, **headers: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(urllib.request.Request(address, headers=headers)) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def websocket(address: str, origin: str, token: str) -> int:
    """The status with which a websocket is answered: 101 where it is let in."""
    from tornado.httpclient import HTTPClientError, HTTPRequest
    from tornado.websocket import websocket_connect

    async def attempt() -> int:
        request = HTTPRequest(address.replace("http", "ws", 1) + "/ws", headers={"Origin": origin})
        try:
            connection = await websocket_connect(request, subprotocols=["bokeh", token])
        except HTTPClientError as error:
            return error.code
        connection.close()
        return 101

    return run_apart(attempt())


def run_apart(task):  # noqa: ANN001, ANN201
    """In a thread of its own: where a browser is driven, the main thread has a loop already."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, task).result()


def token_of(page: str) -> str:
    return re.search(r'"token":"([^"]+)"', page).group(1)


def test_who_comes_when_all_places_are_taken_is_told_so(server):
    _, address = server  # before the tests whose sessions live on for half a minute
    shown = run_apart(visits(address, 4))
    assert [FULL in text for text in shown] == [False, False, True, True]


async def visits(address: str, count: int) -> list[str]:
    """What each of so many people sees, while all stay."""
    guests = [Guest(address) for _ in range(count)]
    for guest in guests:
        await guest.come()
    shown = [str(guest.models) for guest in guests]
    for guest in guests:
        guest.leave()
    return shown


def test_a_page_of_another_site_may_not_speak_to_the_server(server):
    _, address = server
    token = token_of(fetch(address)[1])
    own = address.rpartition("/")[0]
    assert websocket(address, own, token) == 101
    for forged in (
        "http://evil.example",
        "http://evil.example:5006",
        own.replace("127.0.0.1", "127.0.0.1.evil"),
    ):
        assert websocket(address, forged, token) == 403


@pytest.mark.parametrize("path", [
    "/../../etc/passwd", "/static/../../../../../../etc/passwd", "/static/extensions/..%2f..%2f..%2f..%2fetc/passwd",
    "/static/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd", "/landmarks.py", "/widgets/engine.py",
])  # fmt: skip
def test_no_address_leads_to_a_file_of_the_machine(server, path):
    _, address = server
    code, content = fetch(address.rpartition("/")[0] + path)
    assert code in (400, 403, 404), content[:200]
    assert "root:" not in content


def test_what_a_query_holds_is_never_markup(server):
    _, address = server
    _, page = fetch(address + "?scan=%3Cscript%3Ealert(1)%3C/script%3E&threshold=%3Cimg%20onerror=x%3E")
    assert "<script>alert(1)" not in page and "<img onerror" not in page


def test_the_temporary_folder_is_private_and_goes_when_the_server_is_asked_to_end(server, temporary):
    process, _ = server
    (folder,) = temporary.glob("faceviz-serve-*")
    assert folder.stat().st_mode & 0o077 == 0
    process.send_signal(signal.SIGTERM)
    process.wait(30)
    assert not folder.exists()


def test_a_server_whose_output_nobody_reads_any_more_ends_when_asked(tmp_path):
    with started(tmp_path) as (process, _):
        process.stdout.close()
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        assert not list(tmp_path.glob("faceviz-serve-*"))


def test_without_the_password_neither_page_nor_websocket_is_open(users, tmp_path):
    with started(tmp_path, "--auth", "basic", "--auth-file", str(users), "--allow-origin", "lab.org") as (
        _,
        address,
    ):
        from bokeh.util.token import generate_jwt_token, generate_session_id

        _, page = fetch(address)
        assert '"token":"' not in page and "password" in page.lower()
        forged = generate_jwt_token(generate_session_id())
        assert websocket(address, "http://lab.org", forged) != 101
