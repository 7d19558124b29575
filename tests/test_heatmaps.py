import numpy as np
import pytest
from scipy.optimize import least_squares

from faceviz.errors import ShapeError
from faceviz.geometry.transforms import random_pose
from faceviz.heatmaps import SIGMA, heatmaps_to_landmarks, landmarks_to_heatmaps
from faceviz.testing import random_face


@pytest.fixture(scope="module")
def face():
    scan = random_face(0)
    return (scan.points - scan.centroid) / scan.radius, (scan.landmarks - scan.centroid) / scan.radius


def test_the_heat_is_one_at_the_landmark_and_falls_as_the_formula_says():
    points = np.array([[0.0, 0, 0], [SIGMA, 0, 0], [0, 2 * SIGMA, 0]])
    heat = landmarks_to_heatmaps(points, np.zeros((1, 3)))
    np.testing.assert_allclose(heat[:, 0], np.exp([0.0, -0.5, -2.0]))


def test_landmarks_come_back_from_their_heatmaps_between_the_points(face):
    points, landmarks = face
    found, confidence = heatmaps_to_landmarks(landmarks_to_heatmaps(points, landmarks), points)
    nearest = np.linalg.norm(points[:, None] - landmarks[None], axis=2).min(axis=0)
    error = np.linalg.norm(found - landmarks, axis=1)
    assert np.median(error) < 0.25 * np.median(nearest)
    assert error.max() < 0.03
    assert (confidence > 0.8).all()


def test_positions_and_heat_scale_with_the_unit(face):
    points, landmarks = face
    heat = landmarks_to_heatmaps(points, landmarks)
    np.testing.assert_allclose(
        landmarks_to_heatmaps(80 * points, 80 * landmarks, 80 * SIGMA), heat, atol=1e-12
    )
    found, _ = heatmaps_to_landmarks(heat, points)
    np.testing.assert_allclose(heatmaps_to_landmarks(heat, 80 * points, 80 * SIGMA)[0], 80 * found, atol=1e-9)


def damped_trilateration(heat, points, damping=0.5, count=16):
    """SciPy's minimum of the sum in the docstring, in units of sigma, with its damping, over the hottest points."""
    order = np.argsort(-heat)[:count]
    heat, points = heat[order], points[order] / SIGMA
    weights = heat**2 / (heat**2).sum()
    start, squared = weights @ points, -2.0 * np.log(heat)

    def residuals(position):
        missed = ((position - points) ** 2).sum(axis=1) - squared
        return np.concatenate([np.sqrt(weights) * missed, np.sqrt(damping) * (position - start)])

    return SIGMA * least_squares(residuals, start, xtol=1e-14).x


def test_positions_agree_with_scipys_least_squares(face, rng):
    points, landmarks = face
    heat = landmarks_to_heatmaps(points, landmarks) * rng.uniform(0.97, 1.0, (len(points), len(landmarks)))
    found, confidence = heatmaps_to_landmarks(heat, points)
    expected = [damped_trilateration(heat[:, i], points) for i in range(len(landmarks))]
    np.testing.assert_allclose(found, expected, atol=5e-4 * SIGMA)
    np.testing.assert_array_equal(confidence, heat.max(axis=0))


def test_a_position_goes_no_further_from_the_hottest_points_than_one_width():
    points = np.array([[0.0, 0, 0], [0.01, 0, 0], [0, 0.01, 0], [0, 0, 0.01]])
    heat = np.full((4, 1), 1e-4)  # says that the landmark is four widths away
    heat[0] = 1.1e-4
    found, _ = heatmaps_to_landmarks(heat, points)
    centre = (heat**2 * points).sum(axis=0) / (heat**2).sum()
    assert np.linalg.norm(found[0] - centre) == pytest.approx(SIGMA)


def test_every_landmark_is_found_on_its_own(face):
    points, landmarks = face
    heat = landmarks_to_heatmaps(points, landmarks)
    heat[:, 0] *= 1e-3  # says that the landmark is farther from every point than it goes
    found, confidence = heatmaps_to_landmarks(heat, points)
    for i in (0, 1, 30):
        alone, alone_confidence = heatmaps_to_landmarks(heat[:, i : i + 1], points)
        np.testing.assert_allclose(found[i], alone[0], atol=1e-12)
        assert confidence[i] == alone_confidence[0]


@pytest.mark.parametrize("dtype", [np.float64, np.float16])
def test_the_order_of_the_points_does_not_matter(rng, dtype):
    points = rng.normal(size=(1024, 3))
    heat = np.stack([rng.permutation(1024) for _ in range(8)], axis=1).astype(dtype) / dtype(1024)
    order = rng.permutation(1024)
    found, shuffled = (
        heatmaps_to_landmarks(heat, points)[0],
        heatmaps_to_landmarks(heat[order], points[order])[0],
    )
    np.testing.assert_allclose(shuffled, found, atol=1e-9)


def test_points_that_are_not_among_the_sixteen_hottest_say_nothing(face, rng):
    points, landmarks = face
    heat = landmarks_to_heatmaps(points, landmarks)
    cold = heat < -np.sort(-heat, axis=0)[15]
    sixteenth = np.broadcast_to(-np.sort(-heat, axis=0)[15], heat.shape)
    misleading = np.where(cold, sixteenth * rng.uniform(0.5, 0.99, heat.shape), heat)
    found, expected = heatmaps_to_landmarks(misleading, points)[0], heatmaps_to_landmarks(heat, points)[0]
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_heat_beyond_one_counts_as_one_and_below_zero_as_no_confidence(rng):
    points = SIGMA * rng.normal(size=(5, 3))
    found, confidence = heatmaps_to_landmarks(np.full((5, 1), 1.2), points)
    np.testing.assert_allclose(found, heatmaps_to_landmarks(np.ones((5, 1)), points)[0], atol=1e-12)
    assert confidence == 1.0
    assert heatmaps_to_landmarks(np.full((5, 1), -0.1), points)[1] == 0.0


def test_noise_in_the_heat_moves_landmarks_little(face):
    points, landmarks = face
    heat = landmarks_to_heatmaps(points, landmarks)
    noisy = np.clip(heat * (1 + 0.1 * np.random.default_rng(0).normal(size=heat.shape)), 0, 1)
    found, _ = heatmaps_to_landmarks(noisy, points)
    assert np.median(np.linalg.norm(found - landmarks, axis=1)) < 0.02


def test_found_landmarks_move_with_the_cloud(face):
    points, landmarks = face
    heat, pose = landmarks_to_heatmaps(points, landmarks), random_pose(np.random.default_rng(1))
    still, _ = heatmaps_to_landmarks(heat, points)
    moved, _ = heatmaps_to_landmarks(heat, pose.apply(points))
    np.testing.assert_allclose(moved, pose.apply(still), atol=1e-9)


def test_no_heat_gives_no_confidence_and_finite_positions(face):
    points, _ = face
    found, confidence = heatmaps_to_landmarks(np.zeros((len(points), 68)), points)
    assert np.isfinite(found).all() and (confidence == 0).all()


def test_arrays_that_do_not_fit_are_refused():
    with pytest.raises(ShapeError, match="do not fit"):
        heatmaps_to_landmarks(np.zeros((5, 68)), np.zeros((6, 3)))
    with pytest.raises(ShapeError, match="do not fit"):
        heatmaps_to_landmarks(np.zeros(5), np.zeros((5, 3)))


@pytest.mark.parametrize("shapes", [((5, 2), (68, 3)), ((5, 3), (68, 2)), ((3,), (68, 3)), ((5, 3), (3,))])
def test_points_and_landmarks_that_are_not_three_dimensional_are_refused(shapes):
    with pytest.raises(ShapeError, match="points and landmarks must be"):
        landmarks_to_heatmaps(*map(np.zeros, shapes))
