from __future__ import annotations

import numpy as np

from faceviz import assets
from faceviz.detection import FaceDetector
from faceviz.io import read_scan
from faceviz.io.frames import open_frames
from faceviz.synth.clips import CLIP_FRAMES, CLIP_SIZE, STILLS, sample_clip


def test_the_shipped_clip_and_stills_show_a_face_that_the_detector_finds():
    folder = assets.path("sequences/sample")
    with open_frames(folder) as stills, open_frames(folder / "clip.avi") as clip:
        pictures = list(stills)
        assert len(pictures) == STILLS and not stills.skipped
        frames = list(clip)
    assert len(frames) == CLIP_FRAMES and frames[0].image.shape == (CLIP_SIZE, CLIP_SIZE, 3)
    assert np.abs(frames[0].image.astype(int) - pictures[0].image).mean() < 4, (
        "the first still is the first frame"
    )
    found = [FaceDetector("haar").detect(frame.image) for frame in pictures[::3]]
    assert np.mean([bool(boxes) for boxes in found]) > 0.8


def test_the_shipped_shape_is_the_neutral_face_of_the_clip(anny):
    scan = read_scan(assets.path("sequences/sample/neutral.ply"))
    sequence, triangles = sample_clip(frames=2, size=64)
    np.testing.assert_allclose(scan.points, sequence.vertices, atol=1e-3)
    np.testing.assert_array_equal(scan.triangles, triangles)
    assert scan.unit == "mm" and sequence.images.shape == (2, 64, 64, 3)
