from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from faceviz.cli import server as serving


@pytest.fixture
def panel(monkeypatch):
    """Panel, which does not begin: what it was told, and the environment it would have had."""
    told = {}

    def begin(arguments):
        told.update(arguments=arguments, environment=dict(os.environ))

    monkeypatch.setattr("faceviz.cli.serve._run", begin)
    for name in ("TMPDIR", "BOKEH_SECRET_KEY", "FACEVIZ_MAX_UPLOAD_MB", "FACEVIZ_MAX_SESSIONS"):
        monkeypatch.setenv(name, os.environ.get(name, ""))
        monkeypatch.delenv(name)
    monkeypatch.setenv("FACEVIZ_SHARED_SERVER", "0")
    return told


@pytest.fixture
def users(tmp_path):
    path = tmp_path / "users.json"
    path.write_text('{"ada": "secret"}')
    path.chmod(0o600)
    return path


def values(arguments: list[str], option: str) -> list[str]:
    return [arguments[i + 1] for i, word in enumerate(arguments) if word == option]


@pytest.mark.parametrize("command", ["app", "serve"])
def test_by_default_the_server_listens_to_this_machine_alone(faceviz, panel, command):
    code, out, err = faceviz(command, "--port", 0)
    assert (code, err) == (0, "") and "http://127.0.0.1:" in out
    assert values(panel["arguments"], "--address") == ["127.0.0.1"]
    port = values(panel["arguments"], "--port")[0]
    origins = values(panel["arguments"], "--allow-websocket-origin")
    assert origins == [f"127.0.0.1:{port}", f"localhost:{port}"]
    assert panel["environment"]["FACEVIZ_SHARED_SERVER"] == "0"


def test_the_limits_reach_the_app(faceviz, panel):
    assert faceviz("serve", "--port", 0, "--max-upload", 7, "--max-sessions", 3)[0] == 0
    assert panel["environment"]["FACEVIZ_MAX_UPLOAD_MB"] == "7"
    assert panel["environment"]["FACEVIZ_MAX_SESSIONS"] == "3"


@pytest.mark.parametrize("arguments", [
    ["--host", "0.0.0.0", "--allow-origin", "x:1"], ["--allow-origin", "faces.lab.org"],
])  # fmt: skip
def test_nobody_else_is_let_in_before_it_is_said_who_may(faceviz, panel, arguments):
    code, _, err = faceviz("serve", "--port", 0, *arguments)
    assert code == 2 and "say who may come in: --auth basic or oauth, or --auth none" in err
    assert not panel


def test_others_come_with_a_password_and_signed_sessions(faceviz, panel, users):
    arguments = ["--host", "0.0.0.0", "--allow-origin", "Lab.org:80", "--auth", "basic", "--auth-file", users]
    code, _, err = faceviz("serve", "--port", 0, *arguments)
    assert (code, err) == (0, "")
    assert values(panel["arguments"], "--basic-auth") == [str(users)]
    assert values(panel["arguments"], "--allow-websocket-origin") == ["lab.org:80"]
    assert values(panel["arguments"], "--session-ids") == ["signed"]
    assert len(values(panel["arguments"], "--cookie-secret")[0]) == 64
    assert panel["environment"]["FACEVIZ_SHARED_SERVER"] == "1"
    assert "secret" not in json.dumps(panel["arguments"]).replace("cookie-secret", "")


@pytest.mark.parametrize(("arguments", "cause"), [
    (["--auth", "basic"], "needs --auth-file"),
    (["--auth", "basic", "--auth-file", "none.json"], "cannot be read"),
    (["--auth", "letter"], "no authentication named 'letter'"),
    (["--auth", "oauth"], "needs PANEL_OAUTH_PROVIDER, PANEL_OAUTH_KEY, PANEL_OAUTH_SECRET"),
    (["--auth", "none", "--allow-origin", "*"], "is no HOST"),
    (["--auth", "none", "--host", "0.0.0.0"], "name the address that people type"),
    (["--host", "203.0.113.7", "--auth", "none"], "is taken or not allowed"),
])  # fmt: skip
def test_what_cannot_be_served_is_refused_in_one_line(faceviz, panel, arguments, cause):
    code, _, err = faceviz("serve", "--port", 0, *arguments)
    assert code == 2 and cause in err and len(err.splitlines()) == 1
    assert not panel


def test_what_oauth_lacks_is_named_and_nothing_else(faceviz, panel, monkeypatch):
    monkeypatch.setenv("PANEL_OAUTH_PROVIDER", "generic")
    monkeypatch.setenv("PANEL_OAUTH_KEY", "faceviz")
    monkeypatch.delenv("PANEL_OAUTH_SECRET", raising=False)
    code, _, err = faceviz("serve", "--port", 0, "--auth", "oauth")
    assert code == 2 and "--auth oauth needs PANEL_OAUTH_SECRET in the environment" in err
    assert len(err.splitlines()) == 1 and not panel


@pytest.mark.parametrize(("content", "mode", "cause"), [
    ('{"ada": "x"}', 0o644, "others can read it; chmod 600"), ("{}", 0o600, "names nobody"),
    ('{"ada": ""}', 0o600, "names nobody"), ("ada", 0o600, "is no JSON"), ("[1]", 0o600, "names nobody"),
])  # fmt: skip
def test_a_bad_file_of_passwords_is_refused(faceviz, panel, users, content, mode, cause):
    users.write_text(content)
    users.chmod(mode)
    code, _, err = faceviz("serve", "--port", 0, "--auth", "basic", "--auth-file", users)
    assert code == 2 and cause in err


def test_the_private_folder_is_private_and_goes_with_the_server(monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with serving.private_folder() as folder:
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        (folder / "upload.avi").write_text("a face")
    assert not folder.exists()


def test_what_a_killed_server_left_behind_is_swept_and_what_lives_is_not(monkeypatch, tmp_path):
    code = "import tempfile, sys, time; tempfile.tempdir = sys.argv[1]; from faceviz.cli.server import private_folder\n"
    code += "with private_folder() as folder:\n  (folder / 'face').touch(); print(folder, flush=True); time.sleep(60)"
    command = [sys.executable, "-c", code, str(tmp_path)]
    children = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    try:
        killed, alive = (Path(child.stdout.readline().strip()) for child in children)
        children[0].send_signal(signal.SIGKILL)
        children[0].wait()
        assert (killed / "face").exists(), "nobody could clean up"
        for folder in (killed, alive):
            os.utime(folder, (time.time() - 3600,) * 2)
        (tmp_path / "faceviz-serve-link").symlink_to(tmp_path)
        serving.sweep(tmp_path)
        assert (
            not killed.exists() and (alive / "face").exists() and (tmp_path / "faceviz-serve-link").exists()
        )
    finally:
        for child in children:
            child.kill()
            child.wait()
            child.stdout.close()
