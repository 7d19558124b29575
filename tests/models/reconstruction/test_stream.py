from __future__ import annotations

import numpy as np
import pytest
import torch

from faceviz.errors import ConfigError, ShapeError
from faceviz.geometry.geometry_image import mean_face
from faceviz.landmarks import MIRROR
from faceviz.models.reconstruction.stream import StreamConfig, StreamNetwork, aligned, face_template

_SMALL = {"widths": (8, 8, 16, 16), "memory": 8, "hidden": 32, "features": 12, "components": 6}


def network(**settings):
    torch.manual_seed(0)
    net = StreamNetwork(StreamConfig(**{**_SMALL, **settings})).eval()
    generator = torch.Generator().manual_seed(2)
    mean = torch.from_numpy(np.ascontiguousarray(np.moveaxis(mean_face(), -1, 0))).float()
    net.set_space(
        mean, torch.randn(6, 3, 64, 64, generator=generator), mean.mean(dim=(1, 2)), torch.tensor([1.0, 0.05])
    )
    return net


@pytest.fixture(scope="module")
def images():
    return torch.rand(2, 6, 3, 128, 128, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("fusion", ["confidence", "mean", "last"])
def test_images_one_at_a_time_give_what_images_at_once_give(images, fusion):
    net = network(fusion=fusion)
    with torch.inference_mode():
        at_once, _ = net.look(images)
        state = None
        for t in range(images.shape[1]):
            output, state = net.step(images[:, t], state)
            torch.testing.assert_close(output.code, at_once.code[:, t], atol=1e-5, rtol=0)


def test_a_carried_state_goes_on_where_it_was_left(images):
    net = network()
    with torch.inference_mode():
        _, state = net(images[:, :4])
        later, _ = net(images[:, 4:], state)
        torch.testing.assert_close(later.code[:, -1], net(images)[0].code[:, -1], atol=1e-5, rtol=0)


def test_without_memory_the_order_of_the_images_does_not_matter(images):
    net = network(memory=0)
    with torch.inference_mode():
        forwards, backwards = net(images)[0], net(images.flip(1))[0]
    torch.testing.assert_close(forwards.code[:, -1], backwards.code[:, -1], atol=1e-5, rtol=0)


def test_the_first_image_keeps_its_weight_however_many_follow(images):
    net = network(memory=0, fusion="mean")
    torch.nn.init.constant_(net.log_prior, -20.0)
    torch.nn.init.zeros_(net.bent[-1].weight)  # a decoder that is linear
    with torch.inference_mode():
        output, _ = net(images)
    torch.testing.assert_close(output.code[:, -1], output.view.mean(dim=1), atol=1e-5, rtol=0)


@pytest.mark.parametrize("count", [1, 4, 16])
def test_images_whose_errors_resemble_each_other_weigh_as_fewer(images, count):
    """Of n equal images a share of ``n_e w / (p + n_e w)`` is believed, ``n_e = n / (1 + (n - 1) rho)``."""
    net = network(memory=0, correlation=0.25)
    with torch.inference_mode():
        marks, added, _ = net.seen(images[:, :1].expand(-1, count, -1, -1, -1))
        features, log_weight = net._weighed(net._told(marks) + added)
        _, state = net.fused(marks, added)
        known = state.total / net.with_prior(state.weight, state.images)
        weight, worth = log_weight[:, 0].exp(), count / (1.0 + (count - 1) * 0.25)
        share = worth * weight / (net.log_prior.exp() + worth * weight)
        torch.testing.assert_close(known, share * features[:, 0], atol=1e-5, rtol=1e-4)
    assert (state.images == count).all()


def test_images_that_say_nothing_leave_the_mean_face(images):
    net = network()
    torch.nn.init.constant_(net.log_prior, 50.0)
    with torch.inference_mode():
        output, _ = net(images)
    torch.testing.assert_close(output.code, torch.zeros_like(output.code))


def test_landmarks_are_read_at_mean_zero_and_variance_one_in_every_direction():
    net, generator = network(), torch.Generator().manual_seed(7)
    ways = torch.linalg.qr(torch.randn(136, 136, generator=generator))[0] * torch.logspace(1, 0, 136)
    seen = net.template + 0.3 * (torch.randn(4000, 136, generator=generator) @ ways).unflatten(1, (68, 2))
    template = face_template().clone()
    net.set_spread(seen)
    torch.testing.assert_close(face_template(), template, atol=0, rtol=0)  # it is shared
    white = (seen.flatten(1) - net.middle) @ net.whitening
    torch.testing.assert_close(white.mean(dim=0), torch.zeros(136), atol=1e-2, rtol=0)
    torch.testing.assert_close(white.T @ white / 4000, torch.eye(136), atol=0.05, rtol=0)


def test_directions_in_which_landmarks_do_not_spread_stay_small():
    net = network()
    net.set_spread(net.template + torch.zeros(10, 68, 2))
    assert float(net.whitening.abs().max()) <= 100.0 + 1e-3


def test_a_code_of_zeros_is_the_mean_face():
    points = network().points(torch.zeros(1, 7))[0].numpy()
    np.testing.assert_allclose(points, mean_face().reshape(-1, 3), atol=1e-4)


def test_the_last_coefficient_scales_the_face_about_its_centre():
    net = network()
    code = torch.zeros(1, 7)
    code[0, -1] = 2.0
    mean = mean_face().reshape(-1, 3)
    centre = mean.mean(axis=0)
    np.testing.assert_allclose(net.points(code)[0].numpy(), centre + 1.1 * (mean - centre), atol=1e-3)


def test_brightness_and_contrast_of_a_picture_do_not_matter(images):
    net = network()
    with torch.inference_mode():
        darker = net(0.4 * images + 0.3)[0].code
        torch.testing.assert_close(darker, net(images)[0].code, atol=0.02, rtol=0.1)


def test_the_state_does_not_grow(images):
    net, sizes, state = network(), set(), None
    with torch.inference_mode():
        for _ in range(20):
            _, state = net.step(images[:, 0], state)
            tensors = [state.memory.hidden, state.memory.cell, state.total, state.weight, state.images]
            sizes.add(sum(tensor.numel() for tensor in tensors))
    assert len(sizes) == 1
    assert all(torch.isfinite(tensor).all() for tensor in tensors)


def test_settings_that_do_not_fit_are_refused():
    with pytest.raises(ConfigError, match="did you mean 'confidence'"):
        StreamConfig(fusion="confidenc")
    with pytest.raises(ConfigError, match="less than 1"):
        StreamConfig(correlation=1.0)
    with pytest.raises(ConfigError, match="multiple of 16"):
        StreamConfig(image=100)
    with pytest.raises(ConfigError, match="did you mean 'widths'"):
        StreamConfig.from_dict({"width": [1]})
    with pytest.raises(ShapeError, match="T >= 1"):
        network()(torch.zeros(1, 0, 3, 128, 128))


def test_landmarks_are_brought_onto_the_template_whatever_turns_scales_and_shifts_them():
    template = network().template
    marks = template + 0.1 * torch.randn(3, 68, 2, generator=torch.Generator().manual_seed(3))
    c, s = np.cos(0.4), np.sin(0.4)
    moved = 0.02 * marks @ torch.tensor([[c, s], [-s, c]], dtype=torch.float32) + 0.5
    torch.testing.assert_close(aligned(moved, template), aligned(marks, template), atol=1e-5, rtol=0)
    torch.testing.assert_close(aligned(5.0 * template + 1.0, template), template, atol=1e-5, rtol=0)


def test_landmarks_alone_tell_a_code_after_each_image():
    net = network()
    marks = torch.rand(2, 3, 68, 2, generator=torch.Generator().manual_seed(4))
    with torch.inference_mode():
        codes = net.code_of_landmarks(marks)
        torch.testing.assert_close(net.code_of_landmarks(marks[:, :2]), codes[:, :2])
    assert codes.shape == (2, 3, 7)


def test_landmarks_lie_in_the_image_and_follow_a_shift_of_it():
    net = network()
    torch.nn.init.normal_(net.marks.heat.weight, std=3.0, generator=torch.Generator().manual_seed(5))
    image = torch.full((1, 3, 128, 128), 0.5)
    image[..., 40:56, 40:56] = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(6))
    shifted = image.roll((16, 16), dims=(2, 3))
    with torch.inference_mode():
        before, after = (net(x[:, None])[0].landmarks[0, 0] for x in (image, shifted))
    assert 0 <= float(before.min()) and float(before.max()) <= 1
    assert float((after - before).median()) > 0


class _Known(torch.nn.Module):
    """Says where landmarks are: at the first look as it was told, later in the middle."""

    def __init__(self, marks):
        super().__init__()
        self.answers = [marks]

    def forward(self, maps):
        return self.answers.pop() if self.answers else torch.full((len(maps[0]), 68, 2), 0.5)


def test_a_second_look_sees_the_same_face_however_it_lay_in_the_image():
    net, y = network(), torch.linspace(0, 1, 256)
    c, s = 0.7 * np.cos(0.3), 0.7 * np.sin(0.3)
    turn = torch.tensor([[c, s], [-s, c]], dtype=torch.float32)
    upright = 0.5 + 0.25 * net.template
    moved = (upright - 0.5) @ turn + torch.tensor([0.55, 0.48])

    def picture(at):  # a smooth pattern that is fixed to the face
        waves = torch.stack(
            [at @ torch.tensor([20.0, 5.0]), at @ torch.tensor([-7.0, 16.0]), 12 * at[..., 0]]
        )
        return 0.5 + 0.4 * waves.sin()

    places = torch.stack(torch.meshgrid(y, y, indexing="xy"), -1)
    back = (places - torch.tensor([0.55, 0.48])) @ torch.linalg.inv(turn) + 0.5
    codes = []
    for image, marks in ((picture(places), upright), (picture(back), moved)):
        net.marks = _Known(marks[None])
        with torch.inference_mode():
            output, _ = net.look(image[None, None])
        codes.append(output.code)
        where = output.landmarks[0, 0, 0]  # the middle of the square, in the image
        torch.testing.assert_close(where, marks.mean(dim=0), atol=0.03, rtol=0)
    torch.testing.assert_close(codes[0], codes[1], atol=2e-3, rtol=0)
    assert float(codes[0].abs().max()) > 0.02


def test_landmarks_of_a_mirrored_square_are_those_of_the_square_mirrored(images):
    net, squares = network(), images[:1]
    with torch.inference_mode():
        marks, other = (net.read(x)[0] for x in (squares, squares.flip(-1)))
        once = network(mirror=False).read(squares)[0]
    torch.testing.assert_close(
        other[..., MIRROR.tolist(), :] * torch.tensor([-1.0, 1.0]), marks - torch.tensor([1.0, 0.0])
    )
    assert not torch.allclose(once, marks, atol=1e-4)


def test_a_network_without_focus_looks_once(images):
    net = network(focus=False)
    with torch.inference_mode():
        torch.testing.assert_close(net.look(images)[0].code, net(images)[0].code)
