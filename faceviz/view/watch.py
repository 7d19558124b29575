"""``faceviz.watch``: a face growing image by image in a notebook, and which image helped."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from faceviz.display.face_scene import face_scene
from faceviz.display.face_truth import FaceTruth, read_truth, scan_truth
from faceviz.display.reconstruction import FaceProgress, counts_text, helped_text
from faceviz.display.scene import SceneSpec
from faceviz.geometry.expression import WEARINGS
from faceviz.io.frames import Frame, open_frames
from faceviz.reconstruct import FaceReconstructor
from faceviz.scan import FaceScan
from faceviz.view.charts import COLOURS, new_figure
from faceviz.view.notebook import SceneWidget, figure_image, ipywidgets

if TYPE_CHECKING:
    from IPython.display import Image

    from faceviz.detection import FaceBox

MOST_IMAGES = 64
_IMAGE_HEIGHT = 200  # pixels of the pictures beside the face
_BOX = (255, 190, 60)
_PLAY_MS = 400
_CHART = (620, 110)  # CSS pixels


def watch(
    source: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    *,
    reconstructor: FaceReconstructor | None = None,
    truth: FaceScan | str | os.PathLike[str] | None = None,
    cropped: bool = False,
    max_frames: int = MOST_IMAGES,
    height: int = 420,
) -> Watcher:
    """A widget in which a face grows with each image; ``run`` takes the images, and may be called in a later cell.

    Args:
        source: a folder of images, a video, a camera, an address: whatever ``faceviz.io.frames.open_frames`` opens.
        reconstructor: the default model if not given.
        truth: the neutral face as a scan or file, if it is known; errors are shown then.
        cropped: the images are face crops already.
        max_frames: how many images are used at most; each one's face is kept.
        height: of the picture, in CSS pixels.

    Raises:
        FileFormatError, CameraError: the source or the truth cannot be opened.
        CheckpointError: there are no weights.
    """
    with open_frames(source, max_frames=max_frames):
        pass  # a source that cannot be opened is said at once
    if isinstance(truth, FaceScan):
        known: FaceTruth | None = scan_truth(truth)
    else:
        known = None if truth is None else read_truth(truth)
    reconstructor = reconstructor or FaceReconstructor.from_pretrained()
    return Watcher(source, reconstructor, known, cropped=cropped, max_frames=max_frames, height=height)


class Watcher(ipywidgets.VBox):
    """What ``faceviz.watch`` returns. ``scene`` is the face; ``image`` goes back and forth through what was seen.

    ``history[i]`` is the face after i images, a ``FaceProgress``; ``unread`` says of each image that could not be
    read why.
    """

    def __init__(
        self,
        source: Any,
        reconstructor: FaceReconstructor,
        truth: FaceTruth | None = None,
        *,
        cropped: bool = False,
        max_frames: int = MOST_IMAGES,
        height: int = 420,
    ) -> None:
        self._source, self._cropped, self._most = source, cropped, max_frames
        self._reconstructor = reconstructor
        self.history = [FaceProgress.begin(reconstructor.mean_points, truth)]
        self.unread: list[str] = []
        self._pictures: list[bytes] = [b""]
        colourings = ["height", "change"] + ([] if truth is None else ["error"])
        self.colour = ipywidgets.Dropdown(description="Colour by", options=colourings)
        self.wearing = ipywidgets.Dropdown(description="Expression", options=list(WEARINGS))
        self.dark = ipywidgets.Checkbox(description="Dark")
        self.image = ipywidgets.IntSlider(description="After image", min=0, max=0)
        self.play = ipywidgets.Play(min=0, max=0, interval=_PLAY_MS)
        ipywidgets.jslink((self.play, "value"), (self.image, "value"))
        self.picture = ipywidgets.Image(format="jpeg", height=_IMAGE_HEIGHT)
        self.words, self.chart = ipywidgets.HTML(), ipywidgets.HTML()
        self.scene = SceneWidget(self.spec, height=height)
        for control in (self.colour, self.wearing, self.dark, self.image):
            control.observe(lambda _: self._draw(), names="value")
        looks = ipywidgets.HBox([self.play, self.image, self.colour, self.wearing, self.dark])
        looks.layout.flex_flow = "row wrap"
        beside = ipywidgets.VBox([self.words, self.chart])
        super().__init__([self.scene, looks, ipywidgets.HBox([self.picture, beside])])
        self._draw()

    @property
    def progress(self) -> FaceProgress:
        """The face that is shown."""
        return self.history[self.image.value]

    @property
    def spec(self) -> SceneSpec:
        """The scene that is shown, the same as every other front end makes of it."""
        return face_scene(
            self.progress, by=self.colour.value, wearing=self.wearing.value, dark=self.dark.value
        )

    def run(self) -> Watcher:
        """Takes the images from the first on, and shows the face after each.

        Raises:
            FileFormatError, CameraError: no image could be read, or the camera was lost.
        """
        self._reconstructor.reset()
        self.image.value, self.history, self._pictures = 0, self.history[:1], [b""]
        with open_frames(self._source, max_frames=self._most) as frames:
            for frame in frames:
                self._take(frame)
            self.unread = list(frames.skipped)
        return self

    def _take(self, frame: Frame) -> None:
        step = self._reconstructor.update(frame, cropped=self._cropped)
        self.history.append(self.history[-1].after(step))
        self._pictures.append(_small_picture(frame.image, step.box))
        self.image.max = self.play.max = len(self.history) - 1
        self.image.value = self.image.max

    def _draw(self) -> None:
        shown = self.progress
        self.scene.show(self.spec)
        self.picture.value = self._pictures[self.image.value]
        self.words.value = _words(shown, self.history[0].error_mm)
        self.chart.value = _chart(self.history[-1], self.image.value)


def plot_orders(errors: Sequence[Sequence[float]], mean_face_mm: float) -> Image:
    """Error against the number of images, one line for each order in which they were shown.

    Args:
        errors: (orders, n) mm.
        mean_face_mm: what the face that is meant before any image would have had.
    """
    curves = np.asarray(errors, dtype=np.float64)
    counts = np.arange(1, curves.shape[1] + 1)
    figure, axes = new_figure(
        "Error against the number of images", f"{len(curves)} orders of the same images"
    )
    axes[0].plot(counts, curves.T, color=COLOURS[0], alpha=0.35, linewidth=1.2)
    axes[0].plot(
        counts, curves.mean(axis=0), color=COLOURS[0], marker="o", markersize=4, label="mean of the orders"
    )
    axes[0].axhline(mean_face_mm, color=COLOURS[1], linestyle="--", label="mean face, no image")
    axes[0].set(xlabel="images", ylabel="distance to the truth, mm", ylim=(0, None))
    axes[0].legend(frameon=False)
    return figure_image(figure)


def _small_picture(image: np.ndarray, box: FaceBox | None) -> bytes:
    """As JPEG, with the face marked."""
    from PIL import Image, ImageDraw

    picture = Image.fromarray(image)
    scale = _IMAGE_HEIGHT / image.shape[0]
    picture = picture.resize((max(1, round(scale * image.shape[1])), _IMAGE_HEIGHT))
    if box is not None:
        corners = [scale * box.x, scale * box.y, scale * (box.x + box.width), scale * (box.y + box.height)]
        ImageDraw.Draw(picture).rectangle(corners, outline=_BOX, width=2)
    content = io.BytesIO()
    picture.save(content, format="jpeg", quality=85)
    return content.getvalue()


def _words(progress: FaceProgress, mean_error_mm: float | None) -> str:
    last = progress.last
    if last is None:
        return "No image yet: the mean face. <code>run()</code> takes them."
    did = f"skipped: {last.reason}" if last.change is None else f"moved the face by {last.change:.2f} mm"
    lines = [f"<b>{escape(last.source)}</b> {did}" + (f" ({last.note})" if last.note else "")]
    lines.append(counts_text(progress))
    if progress.error_mm is not None:
        lines.append(f"error <b>{progress.error_mm:.2f} mm</b>; the mean face's {mean_error_mm:.2f} mm")
    lines += [escape(text) for text in (helped_text(progress.series), progress.hint) if text]
    return "<br>".join(lines)


def _chart(progress: FaceProgress, shown: int) -> str:
    """Bars of what each image changed, as SVG in the notebook's own colours; the shown one stands out."""
    series, (width, height) = progress.series, _CHART
    if not len(series.change):
        return ""
    most = float(np.nanmax(series.change)) if np.isfinite(series.change).any() else 1.0
    step = width / len(series.change)
    bars = []
    for i, (number, change) in enumerate(zip(series.number, np.nan_to_num(series.change), strict=True)):
        tall = (height - 20) * change / most if most > 0 else 0.0
        look = "#f05b61" if number == shown else "currentColor"
        opacity = 1.0 if number == shown else 0.45
        bars.append(
            f'<rect x="{i * step + 1:.1f}" y="{height - tall:.1f}" width="{max(1.0, step - 2):.1f}" '
            f'height="{tall:.1f}" fill="{look}" opacity="{opacity}">'
            f"<title>image {number}: {change:.2f} mm</title></rect>"
        )
    label = f"change by each image, at most {most:.2f} mm"
    return (
        f'<svg width="{width}" height="{height}" role="img" aria-label="{label}" style="color:inherit">'
        f'<text x="0" y="12" font-size="12" fill="currentColor">{label}</text>{"".join(bars)}</svg>'
    )
