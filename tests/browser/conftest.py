from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.driver import LandmarksPage
from tests.browser.filming import sample_pictures, write_y4m
from tests.stream_model import untrained_stream

ROOT = Path(__file__).parents[2]
FLAGS = ["--no-sandbox", "--disable-background-networking", "--no-first-run"]
CAMERA = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]


@pytest.fixture(scope="session")
def model(tmp_path_factory) -> str:
    """The model that comes with faceviz, or else an untrained one that sees a face everywhere."""
    from faceviz.errors import CheckpointError
    from faceviz.pipeline import LandmarkPredictor

    try:
        LandmarkPredictor.from_pretrained("se3unet")
        return "se3unet"
    except CheckpointError as error:
        print(f"no trained model ({error}): an untrained one stands in")
        return str(untrained_model(tmp_path_factory.mktemp("model")))


def untrained_model(folder: Path) -> Path:
    import torch

    from faceviz.io.weights import save_weights
    from faceviz.models.se3_unet import Se3Unet, Se3UnetConfig

    torch.manual_seed(0)
    network = Se3Unet(Se3UnetConfig())
    with torch.no_grad():
        network.head[-1].bias += 3.0
    save_weights(folder, network.state_dict(), {"architecture": "se3unet", "network": {}})
    return folder


@pytest.fixture(scope="session")
def other_models(tmp_path_factory) -> Path:
    """A folder with a model on plain coordinates, untrained, whose heat depends on the pose."""
    import torch

    from faceviz.io.weights import save_weights
    from faceviz.models.ordinary import OrdinaryNet

    torch.manual_seed(0)
    network = OrdinaryNet()
    with torch.no_grad():
        network.head[-1].weight *= 12.0
        network.head[-1].bias += 1.0
    folder = tmp_path_factory.mktemp("models")
    (folder / "pose_bound").mkdir()
    save_weights(folder / "pose_bound", network.state_dict(), {"architecture": "ordinary", "network": {}})
    return folder


@pytest.fixture(scope="session")
def server(model, other_models, tmp_path_factory) -> Iterator[str]:
    """The address of ``panel serve apps/landmarks.py``."""
    port = free_port()
    command = [sys.executable, "-m", "panel", "serve", "apps/landmarks.py", "--address", "127.0.0.1"]
    folder = tmp_path_factory.mktemp("server")
    environment = {
        **os.environ,
        "FACEVIZ_MODEL": model,
        "FACEVIZ_MODELS": str(other_models),
        "FACEVIZ_RECONSTRUCTOR": str(untrained_stream(folder / "untrained")),
    }
    log = folder / "log.txt"
    with log.open("w") as output:
        process = subprocess.Popen(
            [*command, "--port", str(port)], cwd=ROOT, env=environment, stdout=output, stderr=output
        )
    address = f"http://127.0.0.1:{port}/landmarks"
    try:
        wait_for(address, process, log)
        yield address
    finally:
        process.terminate()
        process.wait(timeout=90)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(address: str, process: subprocess.Popen, log: Path, seconds: float = 120.0) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert process.poll() is None, f"the server ended: {log.read_text()}"
        try:
            with urllib.request.urlopen(address.rsplit("/", 1)[0] + "/favicon.ico", timeout=2):
                return
        except OSError as error:
            if getattr(error, "code", None):
                return
            time.sleep(0.2)
    raise AssertionError("the server does not answer")


@pytest.fixture(scope="session")
def browser(chromium, tmp_path_factory):
    """A browser whose camera shows the sample sequence."""
    from playwright.sync_api import sync_playwright

    film = write_y4m(tmp_path_factory.mktemp("film") / "camera.y4m", sample_pictures(4))
    with sync_playwright() as playwright:
        flags = [*FLAGS, *CAMERA, f"--use-file-for-fake-video-capture={film}"]
        browser = playwright.chromium.launch(executable_path=chromium, args=flags)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def shown(browser, server) -> LandmarksPage:
    """The one page that all tests drive; each begins by choosing what it needs."""
    return LandmarksPage(browser, server)


@pytest.fixture
def page(shown) -> LandmarksPage:
    shown.start_anew()
    return shown
