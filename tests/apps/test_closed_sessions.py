"""What a person who has gone leaves behind on the server."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

VISITS = """
import asyncio, gc, os, sys
from bokeh.document import Document
from bokeh.server.server import Server
from panel.io.application import build_single_handler_application
from tests.hostile.guest import Guest

async def visit(address):
    guest = Guest(address)
    await guest.come()
    turned = next(i for i, model in guest.models.items()
                  if model["name"].startswith("Sliders") and len(model["attributes"]["rows"]) == 6)
    await heat(guest)
    await guest.change(turned, "values", [30.0, 0.0, 0.0, 0.0, 0.0, 0.0])
    await heat(guest)
    guest.leave()

async def heat(guest):
    while not any(event.get("attr") == "heat" for event in await guest.changes()):
        pass

async def server():
    app = build_single_handler_application("apps/landmarks.py")
    soon = dict(check_unused_sessions_milliseconds=100, unused_session_lifetime_milliseconds=100)
    server = Server({"/landmarks": app}, port=0, address="127.0.0.1", **soon)
    own = f"127.0.0.1:{server.port}"
    server._tornado._websocket_origins = {own}
    server.start()
    for _ in range(4):
        await asyncio.wait_for(visit(f"http://{own}/landmarks"), 120)
    while server.get_sessions("/landmarks"):
        await asyncio.sleep(0.1)
    await asyncio.sleep(0.5)
    gc.collect()
    print(sum(type(found) is Document for found in gc.get_objects()))
    sys.stdout.flush()
    os._exit(0)

asyncio.run(server())
"""


@pytest.mark.slow
def test_the_server_keeps_no_page_of_those_who_have_gone():
    answer = subprocess.run([sys.executable, "-c", VISITS], cwd=ROOT, capture_output=True, text=True)
    assert answer.stdout.strip() == "2", (
        answer.stdout + answer.stderr[-3000:]
    )  # Bokeh's own, and the last page
