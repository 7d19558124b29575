from __future__ import annotations

import numpy as np
import pytest
import torch

from faceviz.errors import CheckpointError, ConfigError
from faceviz.export import export, exportable, open_for_export, parity
from faceviz.models.reconstruction.stream import StreamConfig, StreamNetwork
from faceviz.models.se3_unet import Se3Unet, Se3UnetConfig
from tests.hostile.others import NETWORK, STREAM


@pytest.fixture(scope="module")
def landmarks():
    torch.manual_seed(0)
    return exportable(Se3Unet(Se3UnetConfig.from_dict(NETWORK | {"refinement": 16})))


@pytest.fixture(scope="module")
def stream():
    torch.manual_seed(0)
    return exportable(StreamNetwork(StreamConfig.from_dict(STREAM)))


def test_the_tables_give_what_the_network_says_to_the_cloud(landmarks):
    network = landmarks.module.network
    points = landmarks.inputs["points"][0]
    (heat,) = landmarks.run()
    expected = network.heatmaps(points).numpy()
    np.testing.assert_allclose(heat[0], expected, atol=1e-5)


def test_a_state_of_zeros_is_that_of_nobody_seen_yet(stream):
    network, image = stream.module.network, stream.inputs["image"]
    zeros = [torch.zeros_like(value) for name, value in stream.inputs.items() if name != "image"]
    with torch.no_grad():
        points, marks, *_ = stream.module(image, *zeros)
        output, _ = network.step(image)
        torch.testing.assert_close(points, network.points(output.code))
        torch.testing.assert_close(marks, output.landmarks)


@pytest.mark.slow
@pytest.mark.parametrize("ending", [".onnx", ".pt2"])
@pytest.mark.parametrize("name", ["landmarks", "stream"])
def test_the_file_says_what_the_network_says(name, ending, tmp_path, request):
    subject, path = request.getfixturevalue(name), tmp_path / f"model{ending}"
    export(subject, path)
    assert parity(subject, path) <= 1e-4


@pytest.mark.slow
def test_the_trained_reconstruction_network_can_be_exported(tmp_path):
    subject, path = exportable(open_for_export("faceviz-stream")[0]), tmp_path / "stream.onnx"
    export(subject, path)
    assert parity(subject, path) <= 1e-4


def test_what_is_carried_goes_on_where_the_network_does(stream):
    network, image = stream.module.network, stream.inputs["image"]
    carried = [torch.zeros_like(value) for name, value in stream.inputs.items() if name != "image"]
    state = None
    with torch.no_grad():
        for picture in (image, image.flip(-1), 0.5 * image):
            points, _, *carried = stream.module(picture, *carried)
            output, state = network.step(picture, state)
            torch.testing.assert_close(points, network.points(output.code))


def test_a_file_that_says_something_else_is_refused(stream, tmp_path, monkeypatch):
    monkeypatch.setattr("faceviz.export._run_program", lambda subject, _: [a + 1e-3 for a in subject.run()])
    with pytest.raises(CheckpointError, match="differs from the network by 1.0e-03"):
        parity(stream, tmp_path / "model.pt2")


def test_another_ending_and_another_network_are_refused(stream, tmp_path):
    with pytest.raises(ConfigError, match="use one of .onnx, .pt2"):
        export(stream, tmp_path / "model.pb")
    with pytest.raises(ConfigError, match="a Linear cannot be exported"):
        exportable(torch.nn.Linear(2, 2))
