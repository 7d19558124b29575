"""Landmarks joined by the shape of a face: invariant heat, positions that turn with the scan."""

import numpy as np
import pytest
import torch

from faceviz.geometry.transforms import random_pose
from faceviz.graph import SurfaceGraph
from faceviz.heatmaps import SIGMA, landmarks_to_heatmaps
from faceviz.landmarks import LANDMARK_COUNT
from faceviz.models.equivariant import Features
from faceviz.models.se3_unet import Se3Unet, Se3UnetConfig
from faceviz.models.shape_refinement import ShapeRefinement
from faceviz.testing import random_face


@pytest.fixture
def face():
    face = random_face(0, 300)
    return (face.points - face.centroid) / face.radius, (face.landmarks - face.centroid) / face.radius


@pytest.fixture
def refinement():
    torch.manual_seed(0)
    module = ShapeRefinement(8, 4, 32).double()
    torch.nn.init.normal_(module.network[-1].weight, std=0.5)  # offsets that would be seen
    return module


def refined(module, points, landmarks, vectors=None):
    heat = landmarks_to_heatmaps(points, landmarks).clip(1e-4, 1 - 1e-4)
    torch.manual_seed(1)
    scalars = torch.randn(1, len(points), 8, dtype=torch.float64)
    vectors = torch.zeros(1, len(points), 3, 4, dtype=torch.float64) if vectors is None else vectors
    logits = torch.from_numpy(heat).logit()[None]
    return module(logits, Features(scalars, vectors), torch.from_numpy(points)[None])


@pytest.mark.parametrize("seed", range(10))
def test_heat_stays_and_landmarks_turn_with_the_scan(refinement, face, seed):
    points, landmarks = face
    pose = random_pose(np.random.default_rng(seed))
    vectors = torch.randn(1, len(points), 3, 4, dtype=torch.float64)
    turned = torch.einsum("ij,bnjc->bnic", torch.from_numpy(pose.rotation), vectors)
    still = refined(refinement, points, landmarks, vectors)
    moved = refined(refinement, pose.apply(points), pose.apply(landmarks), turned)
    torch.testing.assert_close(moved.logits, still.logits, atol=1e-9, rtol=0)
    expected = pose.apply(still.landmarks[0].detach().numpy())
    np.testing.assert_allclose(moved.landmarks[0].detach().numpy(), expected, atol=1e-10)


def test_offsets_reach_the_landmarks_and_the_heat(refinement, face):
    still = refined(refinement, *face)
    torch.nn.init.zeros_(refinement.network[-1].weight)
    plain = refined(refinement, *face)
    assert (still.landmarks - plain.landmarks).norm(dim=-1).max() > 0.01
    assert (still.logits - plain.logits).abs().max() > 0.1


def test_without_offsets_the_heat_peaks_where_it_was(refinement, face):
    points, landmarks = face
    torch.nn.init.zeros_(refinement.network[-1].weight)
    out = refined(refinement, points, landmarks)
    assert np.linalg.norm(out.landmarks[0].detach().numpy() - landmarks, axis=1).mean() < SIGMA / 2
    np.testing.assert_array_equal(
        out.first[0].argmax(0), torch.from_numpy(landmarks_to_heatmaps(*face)).argmax(0)
    )


def test_heat_everywhere_and_nowhere_gives_finite_answers(refinement, face):
    points = torch.from_numpy(face[0])[None]
    empty = Features(torch.zeros(1, 300, 8).double(), torch.zeros(1, 300, 3, 4).double())
    for level in (-40.0, 0.0, 40.0):
        out = refinement(torch.full((1, 300, LANDMARK_COUNT), level, dtype=torch.float64), empty, points)
        assert torch.isfinite(out.logits).all() and torch.isfinite(out.landmarks).all()


def test_the_network_says_where_its_landmarks_are(face):
    config = Se3UnetConfig(sizes=(128, 48, 16), k=8, encoder=(1, 1, 1), decoder=(1, 1))
    points = face[0][:200]
    graph = SurfaceGraph.from_points(points, config.graph)
    out = Se3Unet(config).double().refined(graph)
    assert out.landmarks.shape == (1, LANDMARK_COUNT, 3)
    assert out.logits.shape == (1, 200, LANDMARK_COUNT) and out.first.shape == (1, 128, LANDMARK_COUNT)
    alone = Se3Unet(Se3UnetConfig(sizes=(128, 48, 16), k=8, encoder=(1, 1, 1), decoder=(1, 1), refinement=0))
    assert alone.double().refined(graph).landmarks.isnan().all()
