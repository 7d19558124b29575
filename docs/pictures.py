"""Makes the pictures of the documentation: the tour by driving the apps, the figures by the library's own functions.

    python docs/pictures.py              # all; needs Chromium
    python docs/pictures.py tour science # some

Each is a WebP below 150 KB in docs/_static, in a light and a dark version where the app has both.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

DOCS = Path(__file__).resolve().parent
STATIC = DOCS / "_static"
sys.path.insert(0, str(DOCS.parent))

MOST_BYTES = 150_000
_SCREEN = {"width": 1280, "height": 720}
_QUALITIES = (88, 80, 70, 60, 50)
_INK = {
    "light": ("#ffffff", "#1c2330", "#8a93a3"),
    "dark": ("#131416", "#e9edf4", "#6d7687"),
}  # furo's papers
_REGION_COLOURS = {
    "jaw": "#0072B2", "right_brow": "#D55E00", "left_brow": "#D55E00", "nose_ridge": "#009E73",
    "nose_base": "#009E73", "right_eye": "#CC79A7", "left_eye": "#CC79A7", "outer_lip": "#E69F00",
    "inner_lip": "#56B4E9",
}  # fmt: skip


def write(name: str, picture: Image.Image | bytes) -> Path:
    """Writes ``_static/NAME.webp``, as finely as the limit of its size allows."""
    image = Image.open(io.BytesIO(picture)) if isinstance(picture, bytes) else picture
    path = STATIC / f"{name}.webp"
    path.parent.mkdir(parents=True, exist_ok=True)
    for quality in _QUALITIES:
        image.convert("RGB").save(path, quality=quality, method=6)
        if path.stat().st_size <= MOST_BYTES:
            break
    print(f"{path.relative_to(DOCS)}: {path.stat().st_size / 1000:.0f} KB")
    return path


def landmarks() -> None:
    """The 68 points with their numbers on the mean face, from the front."""
    for theme, (paper, ink, soft) in _INK.items():
        write(f"landmarks68.{theme}", _landmark_picture(paper, ink, soft, dark=theme == "dark"))


def _landmark_picture(paper: str, ink: str, soft: str, *, dark: bool) -> Image.Image:
    from matplotlib.figure import Figure

    from faceviz.geometry import geometry_image
    from faceviz.landmarks import POLYLINES, REGIONS

    face = geometry_image.mean_face().reshape(-1, 3)
    marks = geometry_image.landmarks(face)
    figure = Figure(figsize=(7.6, 8.2), facecolor=paper, layout="constrained")
    axes = figure.subplots()
    axes.set(aspect="equal")
    axes.set_axis_off()
    axes.add_collection(_shaded(face, geometry_image.triangles(), dark=dark))
    for line in POLYLINES:
        axes.plot(*marks[list(line), :2].T, color=soft, linewidth=0.9, zorder=2)
    for region, members in REGIONS.items():
        colour = _REGION_COLOURS[region]
        axes.scatter(
            *marks[list(members), :2].T, s=17, color=colour, edgecolors=paper, linewidths=0.5, zorder=3
        )
    for i, (x, y) in enumerate(_spread(marks[:, :2])):
        axes.text(x, y, str(i), color=ink, fontsize=8.4, ha="center", va="center", zorder=4)
    corner = face.min(axis=0)[:2] + [-4, 4]
    for name, step, text in (("+x: subject's left", (22, 0), (0, -4)), ("+y: up", (0, 22), (-3, 25))):
        axes.annotate(
            "", corner + step, corner, arrowprops={"arrowstyle": "-|>", "color": ink, "shrinkA": 0}, zorder=4
        )
        axes.text(*(corner + text), name, color=ink, fontsize=9, va="center", zorder=4)
    return _drawn(figure)


def _shaded(points: np.ndarray, triangles: np.ndarray, *, dark: bool):
    """The surface under a soft light from the front, far triangles first."""
    from matplotlib.collections import PolyCollection

    corners = points[triangles]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    light = np.clip(normals @ np.array([-0.25, 0.35, 0.9]), 0, 1)[:, None]
    low, high = np.array(([40, 44, 54], [98, 104, 118]) if dark else ([196, 200, 208], [247, 247, 249])) / 255
    order = np.argsort(corners[:, :, 2].mean(axis=1))
    colours = (low + (high - low) * light)[order]
    return PolyCollection(
        corners[order][:, :, :2], facecolors=colours, edgecolors=colours, linewidths=0.3, rasterized=True
    )


def _spread(marks: np.ndarray, distance: float = 4.2) -> np.ndarray:
    """Where the numbers stand: beside their points, pushed apart from points and numbers alike."""
    from faceviz.landmarks import REGIONS

    places = marks.copy()
    for members in REGIONS.values():
        middle = marks[list(members)].mean(axis=0)
        away = marks[list(members)] - middle
        places[list(members)] += (
            distance * away / np.maximum(np.linalg.norm(away, axis=1, keepdims=True), 1e-9)
        )
    places[list(REGIONS["inner_lip"])] = marks[list(REGIONS["inner_lip"])]
    for _ in range(300):
        for others, least in ((marks, 3.6), (places, 4.6)):
            gap = places[:, None] - others[None]
            length = np.linalg.norm(gap, axis=-1, keepdims=True)
            push = np.where(
                (length > 1e-9) & (length < least), gap / np.maximum(length, 1e-9) * (least - length), 0
            )
            places = places + 0.15 * push.sum(axis=1)
    return places


def _drawn(figure) -> Image.Image:
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=130, facecolor=figure.get_facecolor())
    return Image.open(content)


def science() -> None:
    """The figures of ``notebooks/equivariance.ipynb``: layers, mistakes, spheres."""
    from faceviz import LandmarkPredictor, assets, read_scan
    from faceviz.evaluation.equivariance import (
        MENDED_IN_TURN,
        mend_in_turn,
        random_published,
        rotation_sphere,
        with_mistakes,
    )
    from faceviz.evaluation.layer_trace import layer_trace
    from faceviz.geometry.transforms import RigidTransform, euler_to_rotation
    from faceviz.view import lesson

    scan = lesson.lesson_scan(read_scan(assets.path("scans/sample_neutral.ply")))
    mended = random_published(scan.points)
    published = with_mistakes(mended, MENDED_IN_TURN)
    turn = RigidTransform(euler_to_rotation(0.4, -1.1, 0.7), np.zeros(3))
    shift = RigidTransform(np.eye(3), np.array([0.5, -1.0, 2.0]))
    both = RigidTransform(turn.rotation, shift.translation)
    traces = {
        "published, turned": layer_trace(published, scan.points, turn),
        "published, shifted": layer_trace(published, scan.points, shift),
        "mended, turned and shifted": layer_trace(mended, scan.points, both),
    }
    title = "Error of every layer, from the input (top) to the heatmaps (bottom)"
    write("science/layers", lesson.plot_layers(traces, title).data)
    write("science/mistakes", lesson.plot_mistakes(list(mend_in_turn(mended, scan.points))).data)
    networks = {
        "with the published mistakes": LandmarkPredictor(published, device="cpu").heatmaps,
        "mended": LandmarkPredictor(mended, device="cpu").heatmaps,
        "ours": LandmarkPredictor.from_pretrained().heatmaps,
    }
    spheres = {
        name: rotation_sphere(heatmaps, scan.points, axes=32, angles_deg=(90.0,))
        for name, heatmaps in networks.items()
    }
    write("science/spheres", lesson.plot_spheres(spheres).data)


@contextmanager
def _served() -> Iterator[str]:
    """The address of the landmark app, served for as long as it takes."""
    from tests.browser.conftest import free_port, wait_for

    port = free_port()
    command = [sys.executable, "-m", "panel", "serve", "apps/landmarks.py", "--port", str(port)]
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log.txt"
        with log.open("w") as output:
            server = subprocess.Popen(
                [*command, "--address", "127.0.0.1"], cwd=DOCS.parent, stdout=output, stderr=output
            )
        try:
            address = f"http://127.0.0.1:{port}/landmarks"
            wait_for(address, server, log)
            yield address
        finally:
            server.kill()
            server.wait()


@contextmanager
def _chromium() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    from tests.browser.conftest import FLAGS
    from tests.conftest import BROWSERS

    path = next(filter(None, map(shutil.which, BROWSERS)))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


#: Pictures of the tour: what the page's address asks for, and the tab of its panel that is opened.
_TOUR = {
    "first": ("", None),
    "turned": ("?rotation_deg=15,35,0&translation=40,0,0", None),
    "landmark": ("?scan=Smile&landmark=54", None),
    "ordinary": ("?beside=model&second=ordinary&rotation_deg=0,50,20", None),
    "layers": ("?beside=model&second=ordinary&rotation_deg=0,50,20", "Layers"),
}


def tour() -> None:
    """The app, step by step, light and dark."""
    from tests.browser.driver import LandmarksPage
    from tests.browser.reconstruct_tab import ReconstructTab

    with _served() as address, _chromium() as browser:
        for name, (query, tab) in _TOUR.items():
            shown = LandmarksPage(browser, address + query)
            shown.page.locator(".fv[data-drawn]").wait_for()
            if tab:
                shown.open_tab(tab)
                shown.page.locator(".layer").first.wait_for()
            _light_and_dark(f"tour/{name}", shown, shown.rest)
        faces = ReconstructTab(browser, address)
        faces.play_sample()
        _light_and_dark("tour/reconstruct", faces, faces.settle)


def _light_and_dark(name: str, shown: Any, rest: Callable[[], None]) -> None:
    """Two pictures of a page, taken once it is at rest; the page is closed then."""
    rest()
    shown.page.wait_for_timeout(1500)  # ripples of buttons fade
    write(f"{name}.light", shown.page.screenshot())
    shown.page.get_by_role("button", name="Toggle theme").click()
    shown.page.mouse.move(640, 4)  # the tooltip goes with it
    shown.page.locator(".fv[data-dark]:visible").wait_for()
    rest()
    shown.page.wait_for_timeout(1500)
    write(f"{name}.dark", shown.page.screenshot())
    shown.close()


def notebook() -> None:
    """``faceviz.explore`` in JupyterLab."""
    from tests.notebooks.lab import NotebookPage, jupyterlab

    path = DOCS.parent / "notebooks" / "explore_scan.ipynb"
    for theme in _INK:
        with tempfile.TemporaryDirectory() as folder, _chromium() as browser:
            with jupyterlab(Path(folder), path, dark=theme == "dark") as address:
                opened = NotebookPage(browser.new_page(viewport=_SCREEN), address, path.name)
                for cell in (1, 3):
                    opened.run(cell)
                opened.wait_for_canvas().scroll_into_view_if_needed()
                opened.page.wait_for_timeout(2000)
                write(f"tour/notebook.{theme}", opened.page.screenshot())


def report() -> None:
    """A report as HTML, as ``faceviz report`` writes it."""
    scan = DOCS.parent / "assets" / "scans" / "sample_smile.ply"
    with tempfile.TemporaryDirectory() as folder, _chromium() as browser:
        out = Path(folder) / "report.html"
        command = [sys.executable, "-m", "faceviz", "report", str(scan), "-o", str(out)]
        subprocess.run(command, check=True, cwd=DOCS.parent)
        page = browser.new_page(viewport=_SCREEN)
        page.goto(out.as_uri())
        page.wait_for_timeout(4000)
        write("tour/report", page.screenshot())


PARTS: dict[str, Callable[[], None]] = {
    "landmarks": landmarks, "science": science, "tour": tour, "notebook": notebook, "report": report,
}  # fmt: skip


def main() -> None:
    for name in sys.argv[1:] or PARTS:
        PARTS[name]()


if __name__ == "__main__":
    main()
