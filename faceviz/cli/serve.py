"""``faceviz app``: the app in a browser, served on this machine only."""

from __future__ import annotations

import importlib.util
import os
import socket
import sys
from typing import Annotated

import typer

from faceviz.errors import FacevizError, MissingDependencyError

ADDRESS = "127.0.0.1"


def serve(
    port: Annotated[
        int, typer.Option(help="Port to listen on; 0 takes any free one.", min=0, max=65535)
    ] = 5006,
    show: Annotated[bool, typer.Option("--show", help="Open it in the browser.")] = False,
) -> None:
    """Serve the landmark app on this machine and print its address. Stop it with Ctrl-C.

    Nothing leaves the machine: the page loads no outside resource, and scans stay here.

    \b
    Examples:
      faceviz app
      faceviz app --port 8080 --show
    """
    from faceviz import assets

    if importlib.util.find_spec("panel") is None:
        raise MissingDependencyError('the app needs Panel; install it with: pip install "faceviz[gui]"')
    script = assets.path("landmarks.py", kind="apps")
    port = _free_port(port)
    print(f"faceviz app: http://{ADDRESS}:{port}/{script.stem}   (stop with Ctrl-C)", flush=True)
    command = [sys.executable, "-m", "panel", "serve", str(script), "--address", ADDRESS, "--port", str(port)]
    command += [
        "--allow-websocket-origin",
        f"{ADDRESS}:{port}",
        "--allow-websocket-origin",
        f"localhost:{port}",
    ]
    os.execv(sys.executable, command + (["--show"] if show else []))


def _free_port(port: int) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((ADDRESS, port))
        except OSError as error:
            raise FacevizError(
                f"port {port} is taken or not allowed ({error.strerror}); try --port {port + 1}"
            ) from error
        return probe.getsockname()[1]
