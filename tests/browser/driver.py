"""Hands and eyes on the landmark page in a real browser."""

from __future__ import annotations

import io
import re
import time
from collections.abc import Callable

import numpy as np

PATIENCE = 90_000  # milliseconds, for a busy machine

#: Moves a slider and waits, inside the page, for the repaints: milliseconds to the moved picture and to its new heat.
MEASURE = """
([slider, value]) => new Promise((done) => {
  const find = (node, css) => {
    for (const e of node.querySelectorAll("*")) {
      if (e.matches(css)) return e;
      const inside = e.shadowRoot && find(e.shadowRoot, css);
      if (inside) return inside;
    }
  };
  const viewer = find(document, ".fv");
  const range = find(document, `#slider-${slider}`);
  const [drawn, heats] = [viewer.dataset.drawn, viewer.dataset.heats];
  const start = performance.now();
  let picture = null;
  new MutationObserver((_, observer) => {
    if (picture === null && viewer.dataset.drawn !== drawn) picture = performance.now() - start;
    if (viewer.dataset.heats === heats) return;
    observer.disconnect();
    done([picture, performance.now() - start]);
  }).observe(viewer, { attributes: true });
  range.value = value;
  range.dispatchEvent(new Event("input"));
})
"""

INSIDE_TABLE = "(e) => Boolean(e.closest('.tabulator') || e.closest('.filepond--root'))"


class LandmarksPage:
    """One open page, and what it asked the network for."""

    def __init__(self, browser, address: str, *, init_script: str = "") -> None:
        self.address = address
        self.page = browser.new_page(viewport={"width": 1280, "height": 720}, accept_downloads=True)
        self.page.set_default_timeout(PATIENCE)
        self.requests: list[str] = []
        self.errors: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("websocket", lambda socket: self.requests.append(socket.url))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        if init_script:
            self.page.add_init_script(init_script)
        self.page.goto(address)

    def start_anew(self) -> None:
        """The first sample, unmoved, all landmarks, on a quiet page."""
        self.page.locator(".fv[data-drawn]").wait_for()
        self.open_tab("Landmarks")
        for label, option in {"Model": "Ours", "Beside it": "Truth", "Protocol": "ST: as moved"}.items():
            self.choose(label, option)
        self.choose("Scan", "Neutral")
        self.choose("Heat of", "All 68 landmarks")
        self.page.get_by_role("button", name="Reset motion").click()
        self.rest()

    # ---- hands

    def chooser(self, label: str):
        return self.page.get_by_role("combobox", name=label, exact=True)

    def choose(self, label: str, option: str) -> None:
        if self.text(self.chooser(label)) == option:
            return
        self.pick(label, option)
        self.rest()

    def pick(self, label: str, option: str) -> None:
        self.chooser(label).click()
        chosen = self.page.locator("li:visible").filter(has_text=re.compile(f"^{re.escape(option)}$"))
        chosen.click()
        chosen.wait_for(state="hidden")

    def type(self, label: str, value: float) -> None:
        field = self.page.get_by_role("spinbutton", name=label, exact=True)
        field.fill(str(value))
        field.press("Enter")
        self.rest()

    def open_tab(self, name: str) -> None:
        self.page.get_by_role("tab", name=name, exact=True).click()

    def add_model(self, path: str) -> None:
        field = self.page.get_by_label("Add a model: path of its folder")
        field.fill(path)
        field.press("Enter")

    def upload(self, name: str, content: bytes) -> None:
        files = [{"name": name, "mimeType": "application/octet-stream", "buffer": content}]
        self.page.locator("input[type=file]").set_input_files(files)

    def at(self, right: float, down: float) -> tuple[float, float]:
        """A place on the picture, as shares of its width and height."""
        box = self.page.locator("canvas.gl").bounding_box()
        return box["x"] + right * box["width"], box["y"] + down * box["height"]

    def seconds_to_repaint(self, slider: int, value: float) -> tuple[float, float]:
        picture, heat = self.page.evaluate(MEASURE, [slider, value])
        return picture / 1000, heat / 1000

    # ---- eyes

    def rest(self, quiet: float = 0.35) -> None:
        """Waits until nothing is drawn any more and nothing is at work."""
        end = time.monotonic() + PATIENCE / 1000
        seen, since = None, time.monotonic()
        while time.monotonic() < end:
            busy = self.page.locator("[role=status].on, .fv:not([data-still])").count()
            now = (self.data("drawn"), self.data("heats"), busy)
            if now != seen:
                seen, since = now, time.monotonic()
            elif not busy and time.monotonic() - since > quiet:
                return
            self.page.wait_for_timeout(40)
        raise AssertionError(f"the page does not come to rest; {self.state()}")

    def until(self, holds: Callable[[], bool]) -> None:
        """Waits for what the server has yet to answer; fails where it never comes."""
        end = time.monotonic() + PATIENCE / 1000
        while not holds():
            assert time.monotonic() < end, f"it never came; {self.state()}"
            self.page.wait_for_timeout(50)

    def state(self) -> str:
        """What a reader of a failed test wants to know."""
        busy = self.page.locator("[role=status].on").all_inner_texts()
        viewers = self.page.locator(".fv").evaluate_all("(all) => JSON.stringify(all.map((e) => e.dataset))")
        sockets = self.page.evaluate("(window.sockets || []).map((s) => [s.readyState, s.bufferedAmount])")
        held = self.page.locator(".filepond--file-status").all_inner_texts()
        return f"busy {busy}, viewers {viewers}, sockets {sockets}, files {held}, errors {self.errors}"

    def data(self, name: str) -> str | None:
        return self.page.locator(".fv").get_attribute(f"data-{name}")

    def text(self, locator) -> str:
        return locator.inner_text().strip()

    def picture(self) -> np.ndarray:
        """The drawn scan, (height, width, 3) uint8, without titles and colour bar."""
        box = self.page.locator("canvas.gl").bounding_box()
        clip = {"x": box["x"], "y": box["y"] + 60, "width": box["width"], "height": box["height"] - 140}
        return decoded(self.page.screenshot(clip=clip))

    def change(self) -> float:
        """What the equivariance meter says."""
        return float(self.page.locator("[data-change]").get_attribute("data-change"))

    def changes(self) -> tuple[float, float]:
        """What is written over the two models' panes."""
        label = self.page.locator("canvas.gl").get_attribute("aria-label")
        first, second = (float(text) for text in re.findall(r"heat changed by (\S+?),", label))
        return first, second

    def wait_for_second(self) -> None:
        """Until both models have answered."""
        label = re.compile("heat changed by .*heat changed by")
        self.until(lambda: label.search(self.page.locator("canvas.gl").get_attribute("aria-label")))
        self.rest()

    def attributes(self, css: str, name: str) -> list[str]:
        return [found.get_attribute(name) for found in self.page.locator(css).all()]

    def control_boxes(self) -> dict[str, tuple[float, float, float, float]]:
        """Left, top, right and bottom of every control outside the table and the picture."""
        boxes = {}
        for role in ("combobox", "button", "slider", "spinbutton", "textbox", "tab"):
            for i, control in enumerate(self.page.get_by_role(role).element_handles()):
                box = control.bounding_box()
                if box and box["width"] > 4 and not control.evaluate(INSIDE_TABLE):
                    corner = (box["x"] + box["width"], box["y"] + box["height"])
                    boxes[f"{role} {i} {control.get_attribute('aria-label') or ''}"] = (
                        box["x"],
                        box["y"],
                        *corner,
                    )
        return boxes

    def tile(self, name: str) -> str:
        return self.text(self.page.locator(".tile", has_text=name))

    def notice(self, start: str):
        return self.page.get_by_text(re.compile("^" + re.escape(start)))

    def close(self) -> None:
        self.page.close()


def decoded(png: bytes) -> np.ndarray:
    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


def hot_share(picture: np.ndarray) -> float:
    """The share of pixels in the colours of much heat (ember: orange to pale yellow)."""
    red, green, blue = (picture[..., i].astype(int) for i in range(3))
    return float(((red > 150) & (red - blue > 60) & (red >= green)).mean())


def halves(picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    middle = picture.shape[1] // 2
    return picture[:, : middle - 2], picture[:, middle + 2 :]


def difference(a: np.ndarray, b: np.ndarray) -> float:
    """Share of pixels that differ visibly."""
    return float((np.abs(a.astype(int) - b.astype(int)).max(axis=-1) > 24).mean())
