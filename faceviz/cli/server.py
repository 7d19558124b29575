"""What ``faceviz serve`` hands to Panel, and the private folder that goes with the server."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from faceviz.errors import ConfigError, MissingDependencyError

PREFIX = "faceviz-serve-"
_LOCK = "in-use"
_YOUNG = 60.0  # seconds in which a server that begins has taken its lock
_OAUTH = ("PANEL_OAUTH_PROVIDER", "PANEL_OAUTH_KEY", "PANEL_OAUTH_SECRET")
_MAX_PASSWORDS = 1_000_000  # bytes
_LOGIN_ERROR = Path(__file__).with_name("login_error.html")  # Panel's own loads fonts from the network


@dataclass(frozen=True)
class Server:
    """A server, checked.

    Args:
        origins: addresses whose pages may open a websocket.
        auth: ``none``, ``basic`` or ``oauth``.
        auth_file: names and passwords for ``basic``.
        max_upload: megabytes.
        max_sessions: people at once; 0 for any number.
        shared: whether others than the owner of the machine come.
    """

    host: str
    port: int
    origins: list[str]
    auth: str
    auth_file: Path | None
    max_upload: int
    max_sessions: int
    shared: bool

    def arguments(self, script: Path, show: bool) -> list[str]:
        """Of ``panel``.

        Raises:
            ConfigError: what the authentication needs is missing.
        """
        arguments = ["serve", str(script), "--address", self.host, "--port", str(self.port)]
        for origin in self.origins:
            arguments += ["--allow-websocket-origin", origin]
        arguments += ["--websocket-max-message-size", "20000000"]  # twice a piece of an upload
        if self.shared:
            arguments += ["--session-ids", "signed"]
        return arguments + self._authentication() + (["--show"] if show else [])

    def environment(self, folder: Path) -> dict[str, str]:
        """Variables of the process: its temporary folder, its secrets, and what the app allows."""
        tempfile.tempdir = None  # asked for anew
        return {
            "TMPDIR": str(folder),
            "BOKEH_SECRET_KEY": os.environ.get("BOKEH_SECRET_KEY") or secrets.token_hex(32),
            "FACEVIZ_MAX_UPLOAD_MB": str(self.max_upload),
            "FACEVIZ_MAX_SESSIONS": str(self.max_sessions),
            "FACEVIZ_SHARED_SERVER": "1" if self.shared else "0",
        }

    def _authentication(self) -> list[str]:
        if self.auth == "none":
            return []
        secret = ["--cookie-secret", secrets.token_hex(32)]
        if self.auth == "basic":
            return ["--basic-auth", str(_checked_passwords(self.auth_file)), *secret]
        missing = [name for name in _OAUTH if not os.environ.get(name)]
        if missing:
            raise ConfigError(
                f"--auth oauth needs {', '.join(missing)} in the environment; ask your provider"
            )
        try:
            from cryptography.fernet import Fernet
        except ImportError:
            raise MissingDependencyError(
                '--auth oauth encrypts its cookies with cryptography; install it with: pip install "faceviz[gui]"'
            ) from None
        page = ["--oauth-error-template", str(_LOGIN_ERROR)]
        return ["--oauth-encryption-key", Fernet.generate_key().decode(), *page, *secret]


def _checked_passwords(path: Path | None) -> Path:
    """A file of names and passwords that nobody else can read."""
    if path is None:
        raise ConfigError('--auth basic needs --auth-file FILE.json with {"name": "password"}')
    try:
        info = path.stat()
        if os.name == "posix" and info.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise ConfigError(f"{path}: others can read it; chmod 600 {path}")
        if not stat.S_ISREG(info.st_mode) or info.st_size > _MAX_PASSWORDS:
            raise ConfigError(f"{path}: is no file of passwords")
        content = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); check the path") from None
    try:
        users = json.loads(content)
    except ValueError:
        raise ConfigError(f'{path}: is no JSON; write {{"name": "password"}}') from None
    if (
        not isinstance(users, dict)
        or not users
        or not all(isinstance(word, str) and word for word in users.values())
    ):
        raise ConfigError(f'{path}: names nobody; write {{"name": "password"}}')
    return path.resolve()


def refuse_codes_without_state() -> None:
    """Let nobody in by a provider's code that did not begin at this server.

    Panel compares the code's state with the cookie of who began, and takes an empty state and no cookie for equal: a
    link could log somebody in as another.
    """
    from panel.auth import OAuthLoginHandler

    known = OAuthLoginHandler.get_state_cookie
    OAuthLoginHandler.get_state_cookie = lambda handler: known(handler) or secrets.token_hex(32)


def end_though_nobody_reads() -> None:
    """Let SIGTERM end the server also when its output goes nowhere any more.

    Bokeh says that it shuts down before it does so; where whoever read its output has gone, it fails at that.
    """
    from bokeh.server.server import Server as BokehServer

    BokehServer._sigterm = lambda server: server.io_loop.stop()


@contextmanager
def private_folder() -> Iterator[Path]:
    """A folder for temporary files that only this user can enter; goes with the server.

    What servers that were killed have left behind is swept first: their folders hold no lock any more.
    """
    root = Path(tempfile.gettempdir())
    sweep(root)
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=root))
    with (folder / _LOCK).open("w") as lock:
        _take(lock)
        try:
            yield folder
        finally:
            tempfile.tempdir = None
            os.environ.pop("TMPDIR", None)
            shutil.rmtree(folder, ignore_errors=True)


def sweep(root: Path) -> None:
    """Remove the folders of servers that live no more; those of others cannot be entered and stay."""
    for folder in root.glob(f"{PREFIX}*"):
        try:
            info = folder.lstat()
            young = time.time() - info.st_mtime < _YOUNG
            if not stat.S_ISDIR(info.st_mode) or info.st_uid != os.getuid() or young:
                continue
            with (folder / _LOCK).open("a") as lock:
                if not _take(lock):
                    continue
            shutil.rmtree(folder, ignore_errors=True)
        except (OSError, AttributeError):  # gone meanwhile, or a system without user numbers
            continue


def _take(lock: IO[str]) -> bool:
    """Hold the lock as long as the file is open; False where another process does."""
    try:
        import fcntl
    except ImportError:  # Windows, where a file that is open cannot be removed anyway
        return True
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
