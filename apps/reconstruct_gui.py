"""A face from images, in a window: ``python apps/reconstruct_gui.py --source camera:0``.

Nothing leaves this machine, and nothing is kept unless it is saved.
"""

from __future__ import annotations

import argparse
import signal
import sys
from functools import partial
from pathlib import Path

from desktop.application import check_desktop, make_application

from faceviz.errors import FacevizError, FileFormatError
from faceviz.reconstruct import DEFAULT_RECONSTRUCTOR


def main(arguments: list[str] | None = None) -> int:
    """Runs until the window is closed; 2 where it cannot begin."""
    asked = _parser().parse_args(arguments)
    try:
        check_desktop()
        setup = make_setup(asked.source, asked.model, asked.truth)
    except FacevizError as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    application = make_application()
    from desktop.window import ReconstructWindow
    from qtpy.QtCore import QTimer

    window = ReconstructWindow(setup, dark=asked.dark)
    window.show()
    # Later, not now: the signal may come in the midst of a drawing.
    signal.signal(signal.SIGINT, lambda *_: QTimer.singleShot(0, window.close))
    return application.exec()


def make_setup(source: str | None, model: str, truth: str | None):
    """What the window needs, checked as far as that is quick.

    Raises:
        CheckpointError: there are no such weights.
        FileFormatError: there is no such source or truth.
    """
    from desktop.setup import Setup
    from desktop.sources import sample_clip

    from faceviz.io.frames import open_frames
    from faceviz.pipeline import model_folder

    folder = model_folder(model)
    source = source or sample_clip()
    if not source.startswith("camera:") and "://" not in source:
        open_frames(source).close()
    if truth is not None and not Path(truth).is_file():
        raise FileFormatError(f"{truth}: is no file; name the scan of the true face")
    return Setup(source, partial(_load, folder), None if truth is None else partial(_load_truth, truth))


def _load(folder: Path, quick: bool):
    from faceviz.reconstruct import FaceReconstructor

    return FaceReconstructor.from_pretrained(folder, live=quick)


def _load_truth(path: str):
    from faceviz.display.face_truth import read_truth

    return read_truth(path)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description="A 3D face from a camera, a video or images, in a window; it gets better with each image.",
        epilog="Keys: Space start or pause, R reset, S snapshot, E export, V record, ? all keys.",
    )
    parser.add_argument(
        "--source",
        metavar="SOURCE",
        help="camera:0, a video, an image, a folder of images, or an http or rtsp address; without it, the sample",
    )
    parser.add_argument(
        "--model",
        metavar="NAME|DIR",
        default=DEFAULT_RECONSTRUCTOR,
        help=f"a model that comes with faceviz, or a folder with one; default {DEFAULT_RECONSTRUCTOR}",
    )
    parser.add_argument(
        "--truth",
        metavar="FILE",
        help="a scan of the true face, in any pose: colours and chart show the error",
    )
    parser.add_argument("--dark", action="store_true", help="begin with a dark window")
    return parser


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # until there is a window to close
    sys.exit(main())
