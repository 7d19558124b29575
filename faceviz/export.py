"""The default networks for other programs: ONNX, or ``torch.export``, each checked against the network itself.

The landmark network takes the tables of its graph as inputs; building a graph depends on the data and stays in
``faceviz.graph``. The reconstruction network goes one image at a time: it takes the image and its state, and gives the
face, the image's landmarks and the new state.
"""

from __future__ import annotations

import io
import logging
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from faceviz import assets
from faceviz.detection import FaceDetector, crop_face
from faceviz.errors import CheckpointError, ConfigError, MissingDependencyError
from faceviz.graph import SurfaceGraph
from faceviz.io.files import replace_file
from faceviz.io.frames import images_in
from faceviz.io.images import read_image
from faceviz.io.weights import load_network
from faceviz.models.reconstruction.stream import StreamNetwork, StreamState
from faceviz.models.se3_unet import Se3Unet
from faceviz.pipeline import model_folder

if TYPE_CHECKING:
    from faceviz.models.reconstruction.layers import LstmState

#: File endings: ONNX for any runtime, ``torch.export`` for PyTorch without this package.
ENDINGS = (".onnx", ".pt2")
OPSET = 18
PARITY = 1e-4


@dataclass(frozen=True)
class Exportable:
    """A network as a plain function of tensors.

    Args:
        module: takes ``inputs`` one by one and gives a tuple named by ``outputs``.
        inputs: examples by name; their shapes are those of the export.
    """

    module: nn.Module
    inputs: dict[str, Tensor]
    outputs: tuple[str, ...]

    def arrays(self) -> dict[str, np.ndarray]:
        return {name: value.numpy() for name, value in self.inputs.items()}

    def run(self) -> tuple[np.ndarray, ...]:
        """What the network itself says to the example."""
        with torch.no_grad():
            return tuple(value.numpy() for value in self.module(*self.inputs.values()))


def exportable(network: nn.Module, seed: int = 0) -> Exportable:
    """The network with an example of its inputs.

    Raises:
        ConfigError: it is neither a ``se3unet`` nor a ``faceviz-stream``.
    """
    if isinstance(network, Se3Unet):
        return _landmarks(network.eval(), seed)
    if isinstance(network, StreamNetwork):
        return _stream(network.eval())
    raise ConfigError(f"a {type(network).__name__} cannot be exported; se3unet and faceviz-stream can")


def open_for_export(model: str | Path) -> tuple[nn.Module, dict[str, Any]]:
    """The network of a model's name or folder, and its description.

    Raises:
        CheckpointError: there is no such model, or it is damaged.
    """
    from faceviz.models.architectures import build_network
    from faceviz.models.reconstruction import architectures as reconstruction

    def build(architecture: Any, settings: Any) -> nn.Module:
        streams = architecture in reconstruction.ARCHITECTURES
        return (reconstruction.build_network if streams else build_network)(architecture, settings)

    return load_network(model_folder(model), build)


def export(subject: Exportable, path: str | Path) -> None:
    """Write the file that its ending asks for, at once or not at all.

    Raises:
        ConfigError: another ending.
        MissingDependencyError: ONNX without its packages.
    """
    path = Path(path)
    if path.suffix not in ENDINGS:
        raise ConfigError(f"{path.name}: the ending says what is written; use one of {', '.join(ENDINGS)}")
    content = _onnx(subject) if path.suffix == ".onnx" else _program(subject)
    replace_file(path, lambda stream: stream.write(content))


def parity(subject: Exportable, path: str | Path) -> float:
    """The largest difference between what the file and the network say to the example.

    Raises:
        MissingDependencyError: onnxruntime is not installed.
        CheckpointError: the difference is more than ``PARITY``.
    """
    path = Path(path)
    found = _run_onnx(subject, path) if path.suffix == ".onnx" else _run_program(subject, path)
    pairs = zip(found, subject.run(), strict=True)
    difference = max(float(np.abs(a - b).max(initial=0.0)) for a, b in pairs)
    if not difference <= PARITY:
        raise CheckpointError(
            f"{path}: differs from the network by {difference:.1e}; at most {PARITY:g} is allowed"
        )
    return difference


def _program(subject: Exportable) -> bytes:
    stream = io.BytesIO()
    torch.export.save(torch.export.export(subject.module, tuple(subject.inputs.values())), stream)
    return stream.getvalue()


def _run_program(subject: Exportable, path: Path) -> tuple[np.ndarray, ...]:
    program = torch.export.load(path).module()
    with torch.no_grad():
        return tuple(value.numpy() for value in program(*subject.inputs.values()))


def _onnx(subject: Exportable) -> bytes:
    from faceviz.export_onnx import translations

    table = translations()  # says what is missing
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # which names every package that it does without
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what PyTorch is going to change within itself
        program = torch.onnx.export(
            subject.module, tuple(subject.inputs.values()), dynamo=True, opset_version=OPSET, verbose=False,
            input_names=list(subject.inputs), output_names=list(subject.outputs), custom_translation_table=table,
            optimize=False,  # its optimiser takes the 1e-14 that keeps distances from zero for nothing, and drops it
        )  # fmt: skip
    assert program is not None
    return program.model_proto.SerializeToString()


def _run_onnx(subject: Exportable, path: Path) -> tuple[np.ndarray, ...]:
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingDependencyError(
            'the check needs onnxruntime; install it with: pip install "faceviz[export]"'
        ) from error
    quiet = onnxruntime.SessionOptions()
    quiet.log_severity_level = 3  # it warns of constants that it folds later
    session = onnxruntime.InferenceSession(str(path), quiet, providers=["CPUExecutionProvider"])
    return tuple(session.run(list(subject.outputs), subject.arrays()))


class _Landmarks(nn.Module):
    """``heat = sigmoid(network(graph))``, the graph taken apart into tensors."""

    def __init__(self, network: Se3Unet) -> None:
        super().__init__()
        self.network, self.levels = network, len(network.config.sizes)

    def forward(self, points: Tensor, *tables: Tensor) -> tuple[Tensor]:
        order, extra = points.new_zeros(1, 0).long(), tables[-1][:, :0]
        graph = SurfaceGraph(points, order, tables[: self.levels], tables[self.levels :], extra)
        return (self.network(graph).sigmoid(),)


def _landmarks(network: Se3Unet, seed: int) -> Exportable:
    """On a bumpy cloud of as many points as the network takes."""
    rng = np.random.default_rng(seed)
    cloud = rng.normal(size=(network.config.sizes[0], 3)) * [0.4, 0.5, 0.2]
    graph = SurfaceGraph.from_points(cloud / np.linalg.norm(cloud, axis=1).max(), network.config.graph)
    inputs = {"points": graph.points.float()}
    inputs |= {f"within_{level}": table for level, table in enumerate(graph.within)}
    inputs |= {f"up_{level}": table for level, table in enumerate(graph.up)}
    return Exportable(_Landmarks(network).eval(), inputs, ("heatmaps",))


class _StreamStep(nn.Module):
    """One image; a state of zeros is that of nobody seen yet.

    Sums of weights grow from image to image, and with them what rounding does to them. What is carried is their
    logarithm ``log(1 + weight)``, the features' weighted mean, ``total / with_prior(weight)``, and the count of images.
    """

    def __init__(self, network: StreamNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(
        self, image: Tensor, features: Tensor, log_weight: Tensor, count: Tensor, *memory: Tensor
    ) -> tuple[Tensor, ...]:
        carried: LstmState | None = None
        if memory:
            from faceviz.models.reconstruction.layers import LstmState

            carried = LstmState(*memory)
        weight = torch.expm1(log_weight)
        total = features * self.network.with_prior(weight, count)
        output, state = self.network.step(image, StreamState(carried, total, weight, count))
        points = self.network.points(output.code)
        return (points, output.landmarks, *self.carry(state), *(state.memory or ()))

    def carry(self, state: StreamState) -> tuple[Tensor, Tensor, Tensor]:
        """Mean features, logarithm of the weight, count of images."""
        mean = state.total / self.network.with_prior(state.weight, state.images)
        return mean, torch.log1p(state.weight), state.images


def _stream(network: StreamNetwork) -> Exportable:
    """On a picture of the sample face, after another one, so that no part of the state is zero."""
    detector, crops = FaceDetector(), []
    for path in images_in(assets.path("sequences/sample"))[:2]:
        picture = read_image(path)
        crop = crop_face(picture, detector.detect(picture)[0])
        crops.append(torch.from_numpy(crop).permute(2, 0, 1)[None] / 255.0)
    first, second = crops
    step = _StreamStep(network).eval()
    with torch.no_grad():
        _, state = network.step(first, None)
        features, log_weight, count = step.carry(state)
    inputs = {"image": second, "features": features, "log_weight": log_weight, "count": count}
    outputs: tuple[str, ...] = ("points", "landmarks", "next_features", "next_log_weight", "next_count")
    if state.memory is not None:
        inputs |= {"hidden": state.memory.hidden, "cell": state.memory.cell}
        outputs += ("next_hidden", "next_cell")
    return Exportable(step, inputs, outputs)
