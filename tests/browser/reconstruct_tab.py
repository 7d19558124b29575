"""Hands and eyes on the reconstruction tab in a real browser."""

from __future__ import annotations

import numpy as np

from tests.browser.driver import LandmarksPage, decoded


class ReconstructTab(LandmarksPage):
    """One open page, on that tab."""

    def __init__(self, browser, address: str) -> None:
        super().__init__(browser, address)
        self.page.get_by_role("button", name="Reconstruct", exact=True).click()
        self.page.locator(".fv:visible[data-drawn]").wait_for()
        self.until(lambda: self.button("Sample").is_enabled())
        self.settle()

    # ---- hands

    def button(self, name: str):
        return self.page.get_by_role("button", name=name, exact=True)

    def choose(self, label: str, option: str) -> None:
        self.pick(label, option)
        self.settle()

    def drop(self, **files: bytes) -> None:
        """Files by name, whose dot is written as an underscore."""
        content = [
            {"name": name.replace("_", "."), "mimeType": "application/octet-stream", "buffer": data}
            for name, data in files.items()
        ]
        self.page.locator("input[type=file]:visible, input[type=file]").last.set_input_files(content)

    def run(self, **files: bytes) -> None:
        """Drops files and waits until all were looked at."""
        self.drop(**files)
        self.said(f"{len(files)} picture{'' if len(files) == 1 else 's'} looked at")

    def play_sample(self) -> None:
        self.button("Sample").click()
        self.said("16 pictures looked at")

    # ---- eyes

    def said(self, text: str) -> None:
        self.page.get_by_text(text, exact=True).wait_for()
        self.settle()

    def settle(self) -> None:
        """Until the latest face is drawn, finely, and its place on the page stays as it is."""
        self.until(lambda: self.page.locator("[role=status].on").count() == 0)
        self.until(self._stays)
        self.page.locator(".fv:visible[data-still]").wait_for()

    def _stays(self) -> bool:
        canvas = self.page.locator("canvas.gl:visible")
        before = canvas.bounding_box()
        self.page.wait_for_timeout(400)
        return canvas.bounding_box() == before

    @property
    def used(self) -> int:
        return int(self.tile("Pictures used").split("\n")[1])

    def face(self) -> np.ndarray:
        """The drawn face, without titles and colour bar."""
        box = self.page.locator("canvas.gl:visible").bounding_box()
        clip = {"x": box["x"], "y": box["y"] + 60, "width": box["width"], "height": box["height"] - 140}
        return decoded(self.page.screenshot(clip=clip))

    def shot(self) -> np.ndarray:
        """The picture that was looked at, with its marks."""
        return decoded(self.page.locator(".shot").screenshot())


def marked_share(picture: np.ndarray) -> float:
    """The share of pixels in the green of the marks."""
    far = np.abs(picture.astype(int) - np.array([0x35, 0xD0, 0x7F])).max(axis=-1)
    return float((far < 30).mean())


def coloured_share(picture: np.ndarray) -> float:
    """The share of pixels that are neither grey nor nearly so: those of a coloured face."""
    values = picture.astype(int)
    return float((values.max(axis=-1) - values.min(axis=-1) > 50).mean())
