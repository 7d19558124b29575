"""``faceviz app`` and ``faceviz serve``: the app in a browser, for this machine alone or for others too."""

from __future__ import annotations

import importlib.util
import ipaddress
import os
import socket
import sys
from pathlib import Path
from typing import Annotated

import typer

from faceviz.cli.server import Server, end_though_nobody_reads, private_folder, refuse_codes_without_state
from faceviz.errors import ConfigError, FacevizError, MissingDependencyError

ADDRESS = "127.0.0.1"
AUTHENTICATIONS = ("none", "basic", "oauth")

_Port = Annotated[int, typer.Option(help="Port to listen on; 0 takes any free one.", min=0, max=65535)]


def app(
    port: _Port = 5006,
    show: Annotated[bool, typer.Option("--show", help="Open it in the browser.")] = False,
) -> None:
    """Serve the app on this machine and print its address. Stop it with Ctrl-C.

    Nothing leaves the machine: the page loads no outside resource, and scans stay here.

    \b
    Examples:
      faceviz app
      faceviz app --port 8080 --show
    """
    serve(port=port, show=show)


def serve(
    host: Annotated[
        str, typer.Option(help="Address to listen on; 0.0.0.0 for all of this machine.")
    ] = ADDRESS,
    port: _Port = 5006,
    allow_origin: Annotated[
        list[str] | None,
        typer.Option(
            metavar="HOST[:PORT]",
            help="Address under which browsers may use the page; may be repeated. Others are refused.",
        ),
    ] = None,
    auth: Annotated[
        str | None, typer.Option(metavar="|".join(AUTHENTICATIONS), help="How people prove who they are.")
    ] = None,
    auth_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE.json", help='For basic: {"name": "password"}, readable by you alone.'),
    ] = None,
    max_upload: Annotated[int, typer.Option(metavar="MB", help="Largest file.", min=1, max=2000)] = 64,
    max_sessions: Annotated[int, typer.Option(help="People at once; 0: any number.", min=0)] = 0,
    show: Annotated[bool, typer.Option("--show", help="Open it in the browser.")] = False,
) -> None:
    """Serve the app, by default to this machine alone; say who may come in before others can reach it.

    Inference has one queue, in which all pages take turns; where too much waits, the page says so. Uploads stay in
    memory or in a private folder that goes with the server. The server makes no network call of its own.

    Oauth is set up by Panel's variables: PANEL_OAUTH_PROVIDER, PANEL_OAUTH_KEY, PANEL_OAUTH_SECRET. Behind a proxy
    that ends TLS, listen on 127.0.0.1 and name the public address with --allow-origin.

    \b
    Examples:
      faceviz serve
      faceviz serve --host 0.0.0.0 --allow-origin faces.lab.org:5006 --auth basic --auth-file users.json
      faceviz serve --allow-origin faces.lab.org --auth oauth --max-sessions 8 --max-upload 32
    """
    from faceviz import assets

    if importlib.util.find_spec("panel") is None:
        raise MissingDependencyError('the app needs Panel; install it with: pip install "faceviz[gui]"')
    script = assets.path("landmarks.py", kind="apps")
    origins = [origin.lower() for origin in allow_origin or ()]
    shared = bool(origins) or not _is_loopback(host)
    kind = _authentication(auth, shared, host)
    port = _free_port(host, port)
    server = Server(
        host, port, _origins(host, port, origins), kind, auth_file, max_upload, max_sessions, shared
    )
    with private_folder() as folder:
        arguments = server.arguments(script, show)
        os.environ.update(server.environment(folder))
        end_though_nobody_reads()
        if kind == "oauth":
            refuse_codes_without_state()
        shown = "127.0.0.1" if host == "0.0.0.0" else host
        print(f"faceviz app: http://{shown}:{port}/{script.stem}   (stop with Ctrl-C)", flush=True)
        _run(arguments)


def _run(arguments: list[str]) -> None:
    from panel.command import main

    sys.argv = ["panel", *arguments]
    main()


def _authentication(asked: str | None, shared: bool, host: str) -> str:
    """Whoever lets others in says how they prove who they are."""
    if asked is None and shared:
        raise ConfigError(
            f"others could reach {host}; say who may come in: --auth basic or oauth, or --auth none for everybody"
        )
    kind = asked or "none"
    if kind not in AUTHENTICATIONS:
        raise ConfigError(f"no authentication named {kind!r}; use one of {', '.join(AUTHENTICATIONS)}")
    return kind


def _origins(host: str, port: int, asked: list[str]) -> list[str]:
    """Addresses whose pages may speak to the server; never a wildcard, which would let any web site in."""
    wild = next((origin for origin in asked if "*" in origin or "/" in origin), None)
    if wild is not None:
        raise ConfigError(f"--allow-origin {wild} is no HOST[:PORT]; name each address, without http://")
    if _is_loopback(host):
        return [f"{ADDRESS}:{port}", f"localhost:{port}", *asked]
    if not asked and host in ("0.0.0.0", "::"):
        raise ConfigError(f"name the address that people type, such as --allow-origin faces.lab.org:{port}")
    return asked or [f"{host}:{port}"]


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _free_port(host: str, port: int) -> int:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise FacevizError(
                f"{host} port {port} is taken or not allowed ({error.strerror}); try --port {port + 1}"
            ) from error
        return probe.getsockname()[1]
