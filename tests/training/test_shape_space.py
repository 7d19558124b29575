from __future__ import annotations

import numpy as np
import pytest

from faceviz.errors import ConfigError
from faceviz.geometry.geometry_image import mirrored, to_shape
from faceviz.models.reconstruction.stream import StreamConfig, StreamNetwork
from faceviz.synth.correspondence import geometry_image_of
from faceviz.synth.dataset import cached_head
from faceviz.training.reconstruction_module import put_space
from faceviz.training.shape_space import ShapeSpace, halved


@pytest.fixture(scope="module")
def space():
    return ShapeSpace.fit(("anny",), 60, 24, seed=0)


def test_coefficients_of_the_people_it_was_fitted_to_have_variance_one(space):
    head, rng = cached_head("anny", None), np.random.default_rng(np.random.SeedSequence([0, 301]))
    codes = []
    for _ in range(60):
        vertices = head.mesh(head.sample_identity(rng)).vertices
        codes.append(space.code(*to_shape(geometry_image_of(head, vertices))))
    np.testing.assert_allclose(np.std(codes, axis=0), 1.0, atol=0.02)


def test_members_of_the_basis_are_orthogonal(space):
    flat = space.basis.reshape(24, -1)
    gram = flat @ flat.T
    assert np.abs(gram - np.diag(np.diag(gram))).max() < 1e-3 * gram.max()


def test_a_shape_of_the_space_has_its_own_code(space, rng):
    z = rng.normal(size=25).astype(np.float32)
    wide = np.kron(np.tensordot(z[:-1], space.basis, 1), np.ones((2, 2, 1)))
    code = space.code(space.mean + wide, space.size_mean + z[-1] * space.size_deviation)
    np.testing.assert_allclose(code, z, atol=1e-3)


def test_most_of_an_unseen_person_lies_in_the_space(space):
    head = cached_head("anny", None)
    shape, size = to_shape(
        geometry_image_of(head, head.mesh(head.sample_identity(np.random.default_rng(9))).vertices)
    )
    residual = halved((shape - space.mean)[None])[0]
    left = residual - np.tensordot(space.code(shape, size)[:-1], space.basis, 1)
    assert np.linalg.norm(left) < 0.6 * np.linalg.norm(residual)


def test_the_mean_is_nearly_its_own_mirror_image(space):
    assert np.linalg.norm(mirrored(space.mean) - space.mean, axis=-1).mean() < 1.0


def test_more_components_than_people_are_refused():
    with pytest.raises(ConfigError, match="more people"):
        ShapeSpace.fit(("anny",), 5, 8, seed=0)


def test_a_space_is_read_as_it_was_written(space, tmp_path):
    space.write(tmp_path / "space.npz")
    again = ShapeSpace.read(tmp_path / "space.npz")
    np.testing.assert_array_equal(again.basis, space.basis)
    assert again.size_deviation == space.size_deviation


def test_the_space_of_weights_is_that_which_they_were_trained_in(space):
    network = StreamNetwork(StreamConfig(components=24))
    put_space(network, space)
    again = ShapeSpace.of(network.state_dict())
    np.testing.assert_allclose(again.mean, space.mean, atol=1e-4)
    np.testing.assert_allclose(again.basis, space.basis, atol=1e-4)
    assert again.size_mean == pytest.approx(space.size_mean)
    assert ShapeSpace.of({"weight": network.log_prior}) is None
