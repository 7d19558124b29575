"""``faceviz reconstruct``: a 3D face from images."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from faceviz.cli.landmarks import DeviceOption
from faceviz.cli.output import STDOUT, Progress, atomic, check_outputs, console, write_text
from faceviz.errors import CameraError, ConfigError, FacevizError, NoFaceError, counted, nearest_name

if TYPE_CHECKING:
    import numpy as np

    from faceviz.geometry.expression import Wearing
    from faceviz.reconstruct import FaceReconstructor, Reconstruction
    from faceviz.scan import FaceScan

_KEPT = 4  # images shown in the picture
_FORMATS = (".ply", ".obj", ".npz")
EXPRESSIONS = ("auto", "neutral", "seen")

ReconstructorOption = Annotated[
    str,
    typer.Option(
        "--model", metavar="NAME|DIR", help="A model that comes with faceviz, or a folder with one."
    ),
]


def reconstruct(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="A folder of images, an image, a video, camera:0 or an address.",
            show_default=False,
        ),
    ],
    out: Annotated[
        str | None, typer.Option("-o", "--out", metavar="FILE", help="Write the face: PLY, OBJ or NPZ.")
    ] = None,
    json_out: Annotated[
        str | None,
        typer.Option("--json", metavar="FILE", help="Write landmarks and what each image did; - for stdout."),
    ] = None,
    png: Annotated[
        str | None, typer.Option(metavar="FILE", help="Write a picture of images and face.")
    ] = None,
    max_frames: Annotated[
        int | None,
        typer.Option(metavar="N", help="Use the first N images; a camera runs until Ctrl-C without."),
    ] = None,
    model: ReconstructorOption = "faceviz-stream",
    expression: Annotated[
        str,
        typer.Option(
            metavar="KIND",
            help="neutral; seen: that of the last image with a face; auto: seen if there is one image, else neutral.",
        ),
    ] = "auto",
    detector: Annotated[str, typer.Option(metavar="KIND", help="auto, haar or yunet.")] = "auto",
    cropped: Annotated[
        bool, typer.Option("--cropped", help="The images are face crops already; nothing is detected.")
    ] = False,
    device: DeviceOption = None,
) -> None:
    """Make a 3D face of 16,384 points from images of one person, in millimetres.

    The face looks along +z. Of several images it is neutral, whatever they show; of a single one it keeps the
    expression, unless --expression says otherwise. Images do not tell how large a face is: the size is guessed from
    its shape. Images without a face are skipped, counted and named.

    \b
    Examples:
      faceviz reconstruct photos/ -o face.ply
      faceviz reconstruct clip.mp4 -o face.obj --png face.png --max-frames 100
      faceviz reconstruct camera:0 -o face.ply --expression seen
      faceviz reconstruct photos/ --json - | jq .used
    """
    if STDOUT in (out, png):
        raise FacevizError("only --json can go to standard output; name a file for the other")
    if not (out or json_out or png):
        raise FacevizError("nothing would be written; name a file with -o face.ply, --json or --png")
    if out and Path(out).suffix.lower() not in _FORMATS:
        raise FacevizError(f"{out}: faces are written as {', '.join(_FORMATS)}; choose one of these")
    if expression not in EXPRESSIONS:
        raise ConfigError(f"no expression named {expression!r}{nearest_name(expression, EXPRESSIONS)}")
    check_outputs(out, json_out, png)
    from faceviz.detection import FaceDetector
    from faceviz.io.frames import open_frames
    from faceviz.reconstruct import FaceReconstructor

    with open_frames(source, max_frames=max_frames) as frames:
        found = None if cropped else FaceDetector(detector, thorough=not frames.live)
        reconstructor = FaceReconstructor.from_pretrained(
            model, detector=found, live=frames.live, device=device
        )
        run = _Run(reconstructor, cropped, in_full=json_out is not None)
        with Progress("Reconstructing", frames.count) as progress:
            run.through(frames, progress)
        unread = list(frames.skipped)
    face = run.face(source, expression)
    if out:
        from faceviz.io import write_scan

        write_scan(out, face.scan)
    if json_out:
        write_text(json_out, run.json(source, unread, face))
    if png:
        from faceviz.view.faces import write_face_picture

        with atomic(png) as scratch:
            write_face_picture(
                scratch,
                run.kept,
                face.scan.points,
                f"{counted(run.used, 'image')} of {Path(source).name or source}",
            )
    _show(console(data_on_stdout=json_out == STDOUT), run, unread, face, out)


class _Face(NamedTuple):
    """What is written.

    Attributes:
        fit: how far its landmarks lie from those of the last image with a face, and the mean face's do, root mean
            square in pixels, each under the camera that suits it; None where the network finds none.
    """

    scan: FaceScan
    wearing: Wearing
    fit: dict[str, Any] | None


class _Run:
    """The images of one person, one after another."""

    def __init__(self, reconstructor: FaceReconstructor, cropped: bool, in_full: bool) -> None:
        self.reconstructor, self.cropped, self.in_full = reconstructor, cropped, in_full
        self.ended: str | None = None  # why, if before its time
        self.last: Reconstruction | None = None
        self.seen: Reconstruction | None = None  # of the last image with a face
        self.steps: list[dict[str, Any]] = []
        self.kept: list[np.ndarray] = []

    def through(self, frames: Any, progress: Any) -> None:
        """Use all images; Ctrl-C or a lost camera ends them, and what was seen until then counts."""
        try:
            for i, frame in enumerate(frames):
                self.last = step = self.reconstructor.update(frame, cropped=self.cropped)
                self.steps.append(_step_dict(step, self.in_full))
                if step.change is not None:
                    self.seen = step
                    if len(self.kept) < _KEPT:
                        self.kept.append(_small(frame.image))
                progress(i + 1)
        except (KeyboardInterrupt, CameraError) as error:
            if self.last is None or not self.last.used:
                raise
            self.ended = str(error) or "stopped"

    @property
    def used(self) -> int:
        return 0 if self.last is None else self.last.used

    def face(self, source: str, expression: str) -> _Face:
        """The result, with an expression of ``EXPRESSIONS``.

        Raises:
            ConfigError: there was no image at all.
            NoFaceError: no image showed a face.
        """
        if self.last is None:
            raise ConfigError(
                f"{source}: holds no image; name a folder, a video or a camera that shows a face"
            )
        if self.seen is None:
            raise NoFaceError(
                f"{source}: no face was found in {counted(self.last.skipped, 'image')}; show a face from the front, "
                "larger and in better light, or give --cropped for images that are face crops"
            )
        wearing: Wearing = (
            "seen" if expression == "seen" or (expression == "auto" and self.used == 1) else "neutral"
        )
        scan = self.seen.to_scan(wearing)
        return _Face(scan, wearing, self._fit(scan))

    def _fit(self, scan: FaceScan) -> dict[str, Any] | None:
        assert self.seen is not None and scan.landmarks is not None
        marks = self.seen.image_landmarks
        if marks is None:
            return None
        from faceviz.geometry.geometry_image import landmarks
        from faceviz.geometry.weak_perspective import fit_camera

        mean = landmarks(self.reconstructor.mean_points)
        face, mean_face = (fit_camera(places, marks).rms for places in (scan.landmarks, mean))
        return {"source": self.seen.source, "face_px": face, "mean_face_px": mean_face}

    def json(self, source: str, unread: list[str], face: _Face) -> str:
        assert self.last is not None
        content = {
            "source": source,
            "model": self.reconstructor.name,
            "sha256": self.reconstructor.description.get("sha256"),
            "unit": "mm",
            "used": self.last.used,
            "skipped": self.last.skipped,
            "unread": unread,
            "ended": self.ended,
            "expression": face.wearing,
            "landmarks": None if face.scan.landmarks is None else face.scan.landmarks.tolist(),
            "fit": face.fit,
            "images": self.steps,
        }
        return json.dumps(content, allow_nan=False) + "\n"


def _step_dict(step: Reconstruction, in_full: bool) -> dict[str, Any]:
    box = step.box
    marks = step.image_landmarks if in_full else None
    return {
        "source": step.source,
        "change_mm": step.change,
        "reason": step.reason,
        "note": step.note,
        "box": None if box is None else [box.x, box.y, box.width, box.height],
        "landmarks": None if marks is None else marks.round(2).tolist(),
        "seconds": step.seconds,
    }


def _small(image: np.ndarray) -> np.ndarray:
    """At most 512 pixels high, for the picture."""
    step = max(1, image.shape[0] // 512)
    return image[::step, ::step].copy()


def _show(out: Any, run: _Run, unread: list[str], face: _Face, path: str | None) -> None:
    assert run.last is not None
    last, used = run.last, [step for step in run.steps if step["change_mm"] is not None]
    out.print(
        f"{counted(last.used, 'image')} used, {last.skipped} without a face, {len(unread)} unreadable",
        markup=False,
    )
    for step in run.steps:
        if step["reason"] or step["note"]:
            out.print(f"  {step['source']}: {step['reason'] or step['note']}", markup=False)
    for line in [*unread, *([run.ended] if run.ended else [])]:
        out.print(f"  {line}", markup=False)
    out.print(
        f"last change {used[-1]['change_mm']:.2f} mm, greatest {max(s['change_mm'] for s in used):.2f} mm",
        markup=False,
    )
    took = {name: 1000 * sum(s["seconds"][name] for s in used) / len(used) for name in used[-1]["seconds"]}
    out.print("time an image: " + ", ".join(f"{name} {ms:.0f} ms" for name, ms in took.items()), markup=False)
    if face.fit:
        out.print(
            "landmarks of {source}: {face_px:.1f} px off, the mean face's {mean_face_px:.1f}".format(
                **face.fit
            ),
            markup=False,
        )
    if path:
        look = "neutral" if face.wearing == "neutral" else "with its expression"
        out.print(
            f"wrote {path}: {look}, 16384 points, 32258 triangles, mm; model {last.model}", markup=False
        )
