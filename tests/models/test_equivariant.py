"""Every layer is equivariant under rotations, invariant under translations, and tells mirror images apart."""

import pytest
import torch

from faceviz.geometry.transforms import random_rotation
from faceviz.graph import GraphSettings, SurfaceGraph
from faceviz.models.equivariant import (
    EquivariantAttention,
    EquivariantBlock,
    FeatureNorm,
    Features,
    LocalShape,
    MomentMixing,
    Moments,
    PointwiseMixing,
    RadialBasis,
    Resize,
    interpolate,
    neighbourhood,
)
from faceviz.testing import random_face

SETTINGS = GraphSettings(sizes=(120, 40, 16), k=8, k_up=3)
SCALARS, VECTORS, RADIAL = 12, 6, 5
LIMITS = {torch.float32: 1e-5, torch.float64: 1e-12}


def build(layer, *args, **kwargs):
    torch.manual_seed(0)
    return layer(*args, **kwargs)


def attention():
    return build(
        EquivariantAttention, SCALARS, VECTORS, heads=4, value_scalars=5, value_vectors=3, radial=RADIAL
    )


def block():
    return build(EquivariantBlock, SCALARS, VECTORS, heads=4, value_scalars=5, value_vectors=3, radial=RADIAL)


LAYERS = {
    "norm": (lambda: build(FeatureNorm, SCALARS, VECTORS), False),
    "mixing": (lambda: build(PointwiseMixing, SCALARS, VECTORS, products=3, hidden=16), False),
    "resize": (lambda: build(Resize, (SCALARS, 7), (VECTORS, 4)), False),
    "attention": (attention, True),
    "block": (block, True),
}


def scene(dtype, seed=0, rotation=None, mirror=False):
    """Features and neighbourhood of a face, turned if asked for."""
    face = random_face(seed, 120)
    graph = SurfaceGraph.from_points((face.points - face.centroid) / face.radius, SETTINGS)
    generator = torch.Generator().manual_seed(seed)
    scalars = torch.randn(1, 120, SCALARS, generator=generator, dtype=torch.float64)
    vectors = torch.randn(1, 120, 3, VECTORS, generator=generator, dtype=torch.float64)
    points = graph.points
    matrix = torch.eye(3, dtype=torch.float64) if rotation is None else torch.from_numpy(rotation)
    if mirror:
        matrix = matrix @ torch.diag(torch.tensor([-1.0, 1.0, 1.0], dtype=torch.float64))
    points = (points @ matrix.T).to(dtype)
    features = Features(scalars.to(dtype), torch.einsum("ij,bnjc->bnic", matrix, vectors).to(dtype))
    near = neighbourhood(points, graph.within[0], RadialBasis(RADIAL, 0.15, 2.0).to(dtype))
    return features, near, points, graph


def apply(layer, features, near, uses_neighbours):
    return layer(features, near) if uses_neighbours else layer(features)


@pytest.mark.parametrize("dtype", list(LIMITS), ids=str)
@pytest.mark.parametrize("name", list(LAYERS))
def test_scalars_stay_and_vectors_turn_with_the_cloud(name, dtype, rng):
    make, uses_neighbours = LAYERS[name]
    layer = make().to(dtype)
    for seed in range(5):
        rotation = random_rotation(rng)
        still = apply(layer, *scene(dtype, seed)[:2], uses_neighbours)
        turned = apply(layer, *scene(dtype, seed, rotation)[:2], uses_neighbours)
        matrix = torch.from_numpy(rotation).to(dtype)
        expected = torch.einsum("ij,bnjc->bnic", matrix, still.vectors)
        assert (turned.scalars - still.scalars).abs().max() < LIMITS[dtype]
        assert (turned.vectors - expected).abs().max() < LIMITS[dtype]


@pytest.mark.parametrize("dtype", list(LIMITS), ids=str)
def test_the_first_features_turn_with_the_cloud(dtype, rng):
    layer = build(LocalShape, SCALARS, VECTORS, RADIAL).to(dtype)
    rotation = random_rotation(rng)
    still, turned = layer(scene(dtype)[1]), layer(scene(dtype, rotation=rotation)[1])
    expected = torch.einsum("ij,bnjc->bnic", torch.from_numpy(rotation).to(dtype), still.vectors)
    assert (turned.scalars - still.scalars).abs().max() < LIMITS[dtype]
    assert (turned.vectors - expected).abs().max() < LIMITS[dtype]


def test_two_blocks_tell_a_cloud_from_its_mirror_image():
    first, second = block().double(), block().double()
    shape = build(LocalShape, SCALARS, VECTORS, RADIAL).double()
    answers = []
    for mirror in (False, True):
        _, near, _, _ = scene(torch.float64, mirror=mirror)
        answers.append(second(first(shape(near), near), near).scalars)
    assert (answers[0] - answers[1]).abs().max() > 1e-4


def test_attention_does_not_depend_on_the_order_of_the_points(rng):
    layer, (features, _, points, graph) = attention().double(), scene(torch.float64)
    order = torch.from_numpy(rng.permutation(120))
    rank = torch.argsort(order)
    basis = RadialBasis(RADIAL, 0.15, 2.0).double()
    plain = layer(features, neighbourhood(points, graph.within[0], basis))
    shuffled = Features(features.scalars[:, order], features.vectors[:, order])
    table = rank[graph.within[0]][:, order]
    mixed = layer(shuffled, neighbourhood(points[:, order], table, basis))
    torch.testing.assert_close(mixed.scalars, plain.scalars[:, order], rtol=0, atol=1e-12)


def test_attention_agrees_with_its_formula_written_as_loops():
    layer, (features, near, _, _) = attention().double(), scene(torch.float64)
    source = layer.norm(features)
    i = 17
    picked = near.index[0, i]
    u, radial = near.direction[0, i].T, near.radial[0, i].T
    profile = layer.query_radial(source.scalars[0, i]).view(layer.heads, RADIAL)
    pull = layer.query_vector(source.vectors[0, i]).T
    logits = radial @ profile.T + u @ pull.T
    logits = logits + layer.source_bias(source.scalars[0, picked]) + near.log_window[0, i, 0][:, None]
    alpha = logits.softmax(0)  # (k, H)
    s, v = layer.value_scalar(source.scalars[0, picked]), layer.value_vector(source.vectors[0, picked])
    mix = layer.mix
    few = alpha[:, : layer.product_heads]
    scalars = torch.einsum("kh,kc->hc", alpha, s).flatten() @ mix.scalar + mix.bias
    scalars = scalars + torch.einsum("kg,ka,kac,gcd->d", few, u, v, mix.dot)
    vectors = torch.einsum("kh,ka,kc->ahc", alpha, u, s).flatten(1) @ mix.ray
    vectors = vectors + torch.einsum("kh,kac,hcd->ad", alpha, v, mix.carry)
    cross = torch.linalg.cross(u.unsqueeze(-1).expand_as(v), v, dim=1)
    vectors = vectors + torch.einsum("kg,kac,gcd->ad", few, cross, mix.cross)
    out = layer(features, near)
    torch.testing.assert_close(out.scalars[0, i], features.scalars[0, i] + scalars, rtol=0, atol=1e-12)
    torch.testing.assert_close(out.vectors[0, i], features.vectors[0, i] + vectors, rtol=0, atol=1e-12)


def test_coinciding_points_have_no_direction_and_finite_gradients():
    points = torch.zeros(1, 12, 3, requires_grad=True)
    table = torch.stack([torch.cat([torch.arange(i), torch.arange(i + 1, 12)]) for i in range(12)])[None]
    near = neighbourhood(points, table, RadialBasis(RADIAL, 0.15, 2.0))
    assert near.direction.abs().max() == 0.0
    near.keys.sum().backward()
    assert torch.isfinite(points.grad).all()


def test_a_change_of_neighbours_causes_no_jump():
    """Two points swap places at the edge of the neighbourhood when one moves by a hair."""
    layer, (features, _, points, graph) = attention().double(), scene(torch.float64)
    basis = RadialBasis(RADIAL, 0.15, 2.0).double()
    table = graph.within[0].clone()
    last, beyond = table[0, 0, -2].item(), table[0, 0, -1].item()
    distance = (points[0, beyond] - points[0, 0]).norm()
    outward = (points[0, last] - points[0, 0]) / (points[0, last] - points[0, 0]).norm()
    answers = []
    for shift, row in ((-1e-7, (last, beyond)), (1e-7, (beyond, last))):
        moved = points.clone()
        moved[0, last] = points[0, 0] + (distance + shift) * outward
        table[0, 0, -2:] = torch.tensor(row)
        answers.append(layer(features, neighbourhood(moved, table, basis)).scalars[0, 0])
    assert (answers[0] - answers[1]).abs().max() < 1e-6


def test_interpolation_weights_add_up_to_one_and_reproduce_known_values():
    _, _, points, graph = scene(torch.float64)
    ones = interpolate(torch.ones(1, 40, 2, dtype=torch.float64), points[:, :40], graph.up[0], points)
    torch.testing.assert_close(ones, torch.ones_like(ones))
    values = torch.randn(1, 40, 3, dtype=torch.float64)
    known = interpolate(values, points[:, :40], graph.up[0], points)[:, :40]
    torch.testing.assert_close(known, values, rtol=0, atol=1e-6)


def test_matrices_that_are_kept_follow_their_weights():
    torch.manual_seed(0)
    mixing = MomentMixing((2, 1), (3, 4), (5, 6))
    moments = Moments(*(torch.randn(1, 7, *shape) for shape in ((2, 3), (6, 3), (2, 12), (3, 12))))
    with torch.no_grad():
        first = mixing(moments)
        mixing.dot.add_(1.0)
        mixing.carry.mul_(2.0)
        kept = mixing(moments)
    fresh = mixing(moments)
    torch.testing.assert_close(kept.scalars, fresh.scalars)
    torch.testing.assert_close(kept.vectors, fresh.vectors)
    assert not torch.allclose(first.scalars, kept.scalars) and not torch.allclose(first.vectors, kept.vectors)
