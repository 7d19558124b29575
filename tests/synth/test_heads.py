from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import cKDTree

from faceviz.errors import ConfigError
from faceviz.landmarks import MIRROR
from faceviz.synth import load_head
from faceviz.synth.heads import PART
from faceviz.synth.topology import face_normals


def _volume(mesh) -> float:
    return float((face_normals(mesh.vertices, mesh.triangles) * mesh.vertices[mesh.triangles[:, 0]]).sum())


def test_an_unknown_head_is_answered_with_the_nearest_name():
    with pytest.raises(ConfigError, match="did you mean 'anny'"):
        load_head("any")


def test_the_same_generator_gives_the_same_head(head):
    first, second = (head.sample(np.random.default_rng(4)) for _ in range(2))
    np.testing.assert_array_equal(first.vertices, second.vertices)


def test_landmarks_are_points_of_the_mesh(head, rng):
    mesh = head.sample(rng)
    assert cKDTree(mesh.vertices).query(mesh.landmarks)[0].max() == 0


def test_the_origin_is_the_mean_of_the_inner_landmarks(head, rng):
    np.testing.assert_allclose(head.sample(rng).landmarks[17:].mean(axis=0), 0.0, atol=1e-4)


def test_heads_have_an_adults_size_in_millimetres(head):
    marks = head.mesh().landmarks
    assert 82 < np.linalg.norm(marks[45] - marks[36]) < 95
    assert 100 < np.linalg.norm(marks[27] - marks[8]) < 125


def test_the_subjects_left_is_plus_x_up_is_plus_y_forward_is_plus_z(head):
    marks = head.mesh().landmarks
    assert marks[45, 0] > 30 > -30 > marks[36, 0]
    assert marks[19, 1] > marks[30, 1] > marks[57, 1] > marks[8, 1]
    assert marks[30, 2] > marks[36, 2] > marks[0, 2]


def test_the_mean_heads_landmarks_are_symmetric(head):
    marks = head.mesh().landmarks
    assert np.abs(marks[MIRROR] * [-1, 1, 1] - marks).max() < 1.5


def test_people_differ_by_a_few_millimetres(head, rng):
    marks = np.stack([head.sample(rng, expression=False).landmarks[17:] for _ in range(40)])
    spread = np.sqrt(((marks - marks.mean(axis=0)) ** 2).sum(axis=2).mean())
    assert 2.5 < spread < 6.0


def test_without_expression_the_same_person_always_looks_the_same(head, rng):
    identity = head.sample_identity(rng)
    first, second = (head.sample(rng, expression=False, identity=identity) for _ in range(2))
    np.testing.assert_array_equal(first.vertices, second.vertices)


def test_a_mirrored_head_has_its_landmarks_renamed_and_its_surface_turned_outwards(head, rng):
    mesh = head.sample(rng)
    mirrored = mesh.mirrored()
    np.testing.assert_array_equal(mirrored.landmarks[36], mesh.landmarks[45] * [-1, 1, 1])
    assert mirrored.landmarks[45, 0] > 0 > mirrored.landmarks[36, 0]
    assert _volume(mesh) > 0 and _volume(mirrored) == pytest.approx(_volume(mesh))


def test_mirroring_twice_changes_nothing(head, rng):
    mesh = head.sample(rng)
    twice = mesh.mirrored().mirrored()
    np.testing.assert_array_equal(twice.vertices, mesh.vertices)
    np.testing.assert_array_equal(twice.triangles, mesh.triangles)
    np.testing.assert_array_equal(twice.landmarks, mesh.landmarks)


def test_smoothing_takes_the_roughness_and_leaves_the_shape(head, rng):
    mesh = head.sample(rng)
    rough = mesh.with_(vertices=mesh.vertices + rng.normal(0.0, 1.0, mesh.vertices.shape))
    inner = head.labels == PART["face"]
    before, after = (
        np.linalg.norm(m.vertices - mesh.vertices, axis=1)[inner].mean() for m in (rough, rough.smoothed(3))
    )
    assert after < 0.7 * before


def test_parts_lie_where_they_should(head):
    mesh = head.mesh()
    marks = mesh.landmarks
    assert np.abs(mesh.vertices[mesh.mask("ears"), 0]).min() > 55
    assert mesh.vertices[mesh.mask("neck"), 1].mean() < marks[8, 1]
    eyes = mesh.vertices[mesh.mask("eyeballs")]
    assert cKDTree(eyes).query(marks[36:48])[0].max() < 12
    assert mesh.mask("interior").any()
    assert not mesh.mask("interior")[head.lm68[27:36]].any()


def test_a_head_as_a_scan_keeps_mesh_landmarks_and_unit(head, rng):
    mesh = head.sample(rng, source="synth:test:id1")
    scan = mesh.to_scan()
    assert scan.unit == "mm" and scan.source == "synth:test:id1"
    assert len(scan.triangles) == len(mesh.triangles)
    np.testing.assert_array_equal(scan.landmarks, mesh.landmarks)


def _expression(head, name: str) -> np.ndarray:
    return np.array([float(n.startswith(name)) for n in head.ex_names], dtype=np.float32)


def test_when_the_jaw_opens_the_lower_lip_goes_down_and_the_upper_lip_stays(head):
    closed, opened = head.shape(), head.shape(expression=0.7 * _expression(head, "jawOpen"))
    drop = (closed - opened)[head.lm68, 1]
    assert drop[[8, 57, 65, 66, 67]].min() > 10
    assert np.abs(drop[[30, 33, 36, 45, 51, 61, 62, 63]]).max() < 4


def test_when_the_eyes_close_the_upper_lids_meet_the_lower_ones(head):
    lids = head.shape(expression=_expression(head, "eyeBlink"))[head.lm68]
    gaps = [np.linalg.norm(lids[a] - lids[b]) for a, b in ((37, 41), (38, 40), (43, 47), (44, 46))]
    assert max(gaps) < 4.5


def test_a_smile_widens_the_mouth(head):
    rest, smile = head.shape()[head.lm68], head.shape(expression=_expression(head, "mouthSmile"))[head.lm68]
    assert np.linalg.norm(smile[54] - smile[48]) > np.linalg.norm(rest[54] - rest[48]) + 4
    assert smile[48, 1] > rest[48, 1] + 2
