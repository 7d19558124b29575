from __future__ import annotations

import cv2
import numpy as np
import pytest

from faceviz.detection import FaceDetector
from faceviz.errors import ConfigError
from faceviz.synth.appearance import random_appearance
from faceviz.synth.atlas import face_atlas
from faceviz.synth.dressing import MATERIAL, Person
from faceviz.synth.heads import PART
from faceviz.synth.lighting import Lamp, Light
from faceviz.synth.motion import PITCH, ROLL, YAW, Moment, crop_view, random_moments, rotation_of
from faceviz.synth.rendering import render
from faceviz.synth.sequences import SyntheticSequences, picture_sequence

FORWARD = np.array([[0.0, 0.0, 1.0]] * 2)


@pytest.fixture(scope="module")
def people() -> SyntheticSequences:
    return SyntheticSequences("test", 6, sources=("anny",), frames=2, size=96)


@pytest.fixture(scope="module")
def person(anny) -> Person:
    rng = np.random.default_rng(5)
    looks = random_appearance(rng)
    return Person.of(anny, anny.sample_identity(rng), looks)


@pytest.fixture(scope="module")
def sequence(anny, people):
    return people[1]


def lamp_from(x: float) -> Light:
    direction = np.array([x, -0.2, -0.4])
    harmonics = np.zeros((9, 3))
    harmonics[0] = 0.3
    return Light(harmonics, (Lamp(direction / np.linalg.norm(direction), np.ones(3), 0.05),))


def test_a_sequence_holds_pictures_and_the_neutral_truth(anny, sequence):
    assert sequence.images.shape == (2, 96, 96, 3) and sequence.images.dtype == np.uint8
    truth = anny.mesh(sequence.identity).vertices
    np.testing.assert_allclose(sequence.vertices, truth, atol=1e-3)
    assert sequence.landmarks2d.shape == (2, 68, 2) and sequence.head == "anny" and sequence.person == 1


def test_the_landmarks_are_the_projected_vertices_of_the_face_as_pictured(anny, sequence):
    marks = sequence.vertices[anny.lm68] + anny.displacement(sequence.expressions[0])[anny.lm68]
    pose = sequence.poses[0].astype(np.float64)
    expected, _ = cv2.projectPoints(
        marks.astype(np.float64),
        cv2.Rodrigues(pose[:3, :3])[0],
        pose[:3, 3],
        sequence.intrinsics[0].astype(float),
        None,
    )
    np.testing.assert_allclose(sequence.landmarks2d[0], expected[:, 0], atol=0.02)


def test_a_person_depends_on_the_index_alone(anny, people, sequence):
    more = SyntheticSequences("test", 40, sources=("anny",), frames=2, size=96)
    np.testing.assert_array_equal(more[1].images, sequence.images)
    np.testing.assert_array_equal(more.person(1).identity, sequence.identity)


def test_nobody_is_in_two_splits_or_seeds(anny):
    people = [
        SyntheticSequences(split, 2, seed, ("anny",))._rng(201, 0).random()
        for split in ("train", "val", "test")
        for seed in (0, 1)
    ]
    assert len(set(people)) == 6


@pytest.mark.parametrize(
    "wrong", [{"split": "tran"}, {"count": 0}, {"frames": 0}, {"size": 8}, {"seed": -1}, {"sources": ()}]
)
def test_settings_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ConfigError):
        SyntheticSequences(**({"split": "test", "count": 1} | wrong))


@pytest.mark.parametrize("clip", [True, False])
def test_poses_stay_within_their_limits_and_clips_move_little(person, clip):
    rng = np.random.default_rng(0)
    steps = []
    for _ in range(20):
        moments = random_moments(person.head.ex_names, 8, clip, rng)
        turns = [np.diag([1.0, -1.0, -1.0]) @ moment.view.pose[:3, :3] for moment in moments]
        facing = np.degrees(np.arccos([turn[2, 2] for turn in turns]))
        assert (
            facing.max() < np.degrees(np.arccos(np.cos(np.radians(YAW)) * np.cos(np.radians(PITCH)))) + 1e-6
        )
        steps += [
            np.degrees(np.arccos((np.trace(a.T @ b) - 1) / 2)) for a, b in zip(turns, turns[1:], strict=False)
        ]
    assert (np.median(steps) < 10) == clip and ROLL < 45


def test_the_face_covers_its_landmarks_and_leaves_the_corners(person):
    view = crop_view(np.zeros(3), 900.0, jitter=(0.0, 0.0, 1.5)).scaled(0.5)
    figure = person.figure()
    picture = render(person, figure, view, lamp_from(0.0), FORWARD, size=128, rays=128)
    marks = np.floor(view.project(figure.landmarks)[17:]).astype(int)
    assert (picture.cover[marks[:, 1], marks[:, 0]] > 0.5).all()
    assert (
        picture.cover[:4, :4].max() == 0.0 and np.isfinite(picture.light).all() and picture.light.min() >= 0
    )


def test_light_from_one_side_brightens_that_side(person):
    view = crop_view(np.zeros(3), 900.0).scaled(96 / 256)
    figure = person.figure()
    pictures = [render(person, figure, view, lamp_from(x), FORWARD, size=96, rays=96) for x in (-1.0, 1.0)]
    left, right = (picture.light[30:70].mean(axis=(0, 2)) for picture in pictures)
    assert left[24:44].mean() > 1.3 * left[52:72].mean()
    assert right[52:72].mean() > 1.3 * right[24:44].mean()


def test_a_nearer_camera_sees_a_larger_nose(person):
    figure = person.figure()
    width = [
        np.ptp(crop_view(np.zeros(3), distance).project(figure.landmarks)[[31, 35], 0])
        for distance in (350.0, 2500.0)
    ]
    assert width[0] > 1.05 * width[1]


def test_the_lower_teeth_go_with_the_jaw_and_the_upper_ones_stay(person, anny):
    open_mouth = np.zeros(len(anny.ex_names))
    open_mouth[anny.ex_names.index("jawOpen")] = 0.8
    closed, opened = person.figure(), person.figure(open_mouth)
    tooth = person.topology.triangles[person.topology.material == MATERIAL["tooth"]]
    shift = (opened.vertices - closed.vertices)[np.unique(tooth)]
    half = len(shift) // 2
    assert np.abs(shift[:half]).max() == 0.0 and shift[half:, 1].max() < -5.0


def test_eyes_are_spheres_that_hold_their_vertices(person):
    figure = person.figure()
    ball = person.neutral.vertices[person.neutral.mask("eyeballs")]
    for side, sphere in zip((-1, 1), figure.eyes, strict=True):
        distance = np.linalg.norm(ball[side * ball[:, 0] > 0] - sphere[:3], axis=1)
        assert abs(distance.mean() - sphere[3]) < 0.3 and 11 < sphere[3] < 19


def test_cavities_see_less_sky_than_the_tip_of_the_nose(anny):
    atlas = face_atlas(anny)
    assert atlas.openness[anny.lm68[30]] > 0.8
    assert atlas.openness[anny.labels == PART["interior"]].mean() < 0.4
    inside = (atlas.uv >= 0).all() and (atlas.uv[:, 0] < 608).all() and (atlas.uv[:, 1] < 544).all()
    assert inside and atlas.marks[36, 0] < atlas.marks[45, 0], "the right eye is on the left of the map"


@pytest.mark.slow
def test_the_detector_finds_faces_that_look_forward_and_its_box_is_where_the_crop_says(people, anny):
    detector = FaceDetector("haar", thorough=False)
    shifts, sides = [], []
    for index in range(6):
        view = crop_view(np.zeros(3), 900.0, jitter=(0.0, 0.0, 1.6))
        moment = Moment(view, np.zeros(len(anny.ex_names)), FORWARD)
        shown = picture_sequence(people.person(index), 1, np.random.default_rng(index), moments=[moment])
        boxes = detector.detect(shown.images[0])
        if boxes:
            shifts.append(np.subtract(boxes[0].centre, 128.0))
            sides.append(boxes[0].width * 1.3 * 1.6 / 256)
    assert len(sides) >= 4
    assert np.abs(np.median(shifts, axis=0)).max() < 8 and 0.85 < np.median(sides) < 1.2


def test_rotation_of_no_angles_is_none():
    np.testing.assert_array_equal(rotation_of(np.zeros(3)), np.eye(3))
