"""Where the stages meet: a scan in, landmarks and heatmaps out."""

from __future__ import annotations

import functools
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from faceviz import assets
from faceviz.errors import CheckpointError, GeometryError, NoFaceError, nearest_name
from faceviz.geometry.neighbours import project_to_surface
from faceviz.geometry.sampling import farthest_point_order, sample_surface
from faceviz.geometry.transforms import RigidTransform
from faceviz.geometry.visibility import seen_from_outside
from faceviz.heatmaps import heatmaps_to_landmarks
from faceviz.landmarks import INNER
from faceviz.prediction import LandmarkPrediction as LandmarkPrediction
from faceviz.prediction import PreparedScan as PreparedScan
from faceviz.regions import REGION_POINTS, face_deviation, face_sphere
from faceviz.scan import FaceScan
from faceviz.uncertainty import Calibration

if TYPE_CHECKING:
    from torch import nn

    from faceviz.graph import GraphSettings

DEFAULT_MODEL = "se3unet"

_SURFACE_POINTS = 16_384
_CANDIDATES = 30_000
_SEED = 0
_LOOKS = 1
_LEAST_CONFIDENCE = 0.25
_DOUBTFUL = 0.75
_LARGEST_DEVIATION = 0.2


class LandmarkPredictor:
    """The landmark network with what comes before and after it.

    A scan of any size, pose and unit is looked at twice: first as a whole, scaled to radius 1; then only the sphere
    around the landmarks that were found, so that hair, neck or a tight crop change nothing. Both looks are invariant
    under rotation and translation, and so is the whole. Where the face stays doubtful, the scan is looked at again
    without what lies inside the head.

    Args:
        network: gives logits for a graph (``faceviz.models.se3_unet.Se3Unet``).
        name: of the model.
        device: ``"cpu"``, ``"cuda"``, ``"mps"``; chosen by itself if not given.
        description: the model's ``config.json``.
        calibration: of the network's errors, if there is one.
    """

    def __init__(
        self,
        network: nn.Module,
        *,
        name: str = "network",
        device: str | None = None,
        description: Mapping[str, Any] | None = None,
        calibration: Calibration | None = None,
    ) -> None:
        self.device = device or best_device()
        self.network = network.to(self.device).eval()
        self.name = name
        self.description = dict(description or {})
        self.calibration = calibration

    @classmethod
    def from_pretrained(
        cls, model: str | Path = DEFAULT_MODEL, *, device: str | None = None
    ) -> LandmarkPredictor:
        """A predictor from a model's name or from a folder with ``model.safetensors`` and ``config.json``.

        Raises:
            CheckpointError: no such model, or its files are damaged or made for another architecture.
        """
        from faceviz.io.weights import load_network, read_calibration
        from faceviz.models.architectures import build_network

        folder = model_folder(model)
        network, description = load_network(folder, build_network)
        calibration = read_calibration(folder, description["sha256"])
        return cls(network, name=folder.name, device=device, description=description, calibration=calibration)

    def predict(self, scan: FaceScan, *, raw: bool = False) -> LandmarkPrediction:
        """Landmarks of a scan, in its own coordinates and unit.

        Args:
            scan: any pose, unit and number of points.
            raw: feed the points as they are: no scaling, sampling or reordering.

        Raises:
            GeometryError: too few points, or all of them equal or on a line.
            NoFaceError: nothing in the scan looks like a face.
        """
        return self.predict_prepared(self.prepare(scan, raw=raw))

    def prepare(self, scan: FaceScan, *, raw: bool = False) -> PreparedScan:
        """Choose the cloud that the network sees: the face region, 1,024 points.

        Raises:
            GeometryError, NoFaceError: as for ``predict``.
        """
        least = self._graph_settings.least_points
        _check_points(scan, least)
        if raw:
            return PreparedScan(scan, scan.points, scan.points, np.zeros(3), 1.0, raw=True)
        started = time.perf_counter()
        candidates = surface_points(scan)
        prepared, found = self._find_face(scan, candidates)
        if _confidence(found) < _DOUBTFUL:
            outside = self._find_face(scan, candidates[seen_from_outside(candidates)])
            if _confidence(outside[1]) > _confidence(found):
                prepared, found = outside
        _check_face(found, scan)
        return replace(prepared, seconds={"prepare": time.perf_counter() - started})

    def _find_face(self, scan: FaceScan, candidates: np.ndarray) -> tuple[PreparedScan, LandmarkPrediction]:
        """The face region that the looks end with, and what is seen in it."""
        prepared = self._cloud(scan, candidates, candidates.mean(axis=0), _radius(candidates))
        prediction = self.predict_prepared(prepared)
        for _ in range(_LOOKS):
            centre, radius = face_sphere(prediction.landmarks, prediction.confidence)
            inside = candidates[((candidates - centre) ** 2).sum(axis=1) < radius**2]
            if len(inside) < max(REGION_POINTS, self._graph_settings.least_points):
                break
            prepared = self._cloud(scan, inside, centre, radius)
            prediction = self.predict_prepared(prepared)
        return prepared, prediction

    def predict_prepared(
        self, prepared: PreparedScan, pose: RigidTransform | None = None, *, cloud: np.ndarray | None = None
    ) -> LandmarkPrediction:
        """Landmarks of the prepared cloud moved by ``pose``, graph and network computed anew for it.

        Args:
            cloud: (n, 3) what the network is shown, in its unit; by default the moved points, centred.
        """
        pose = pose or RigidTransform.identity()
        posed, centre = pose.apply(prepared.points), pose.apply(prepared.centre)
        seconds = dict(prepared.seconds)
        shown = (posed - centre) / prepared.radius if cloud is None else cloud
        heat = self._heatmaps(self.network if prepared.raw else self._quick, shown, seconds)
        started = time.perf_counter()
        landmarks, confidence = heatmaps_to_landmarks(heat, posed, prepared.sigma)
        landmarks = _on_surface(landmarks, prepared, pose)
        seconds["landmarks"] = time.perf_counter() - started
        return LandmarkPrediction(
            landmarks, confidence, posed, heat, prepared, pose, self.name, seconds, self.calibration
        )

    def heatmaps(self, points: np.ndarray) -> np.ndarray:
        """Heatmaps (N, 68) float32 of a cloud (N, 3) in the network's unit and any pose, nothing done to it before."""
        return self._heatmaps(self._quick, np.asarray(points), {})

    @property
    def _graph_settings(self) -> GraphSettings:
        config: Any = self.network.config
        return config.graph

    @functools.cached_property
    def _quick(self) -> nn.Module:
        """The network as all but raw mode use it: the published one without the original's order of rounding."""
        from faceviz.models.published.unet import PublishedUnet

        if isinstance(self.network, PublishedUnet):
            return self.network.without_original_rounding()
        return self.network

    def _heatmaps(self, network: nn.Module, points: np.ndarray, seconds: dict[str, float]) -> np.ndarray:
        import torch

        from faceviz.models.architectures import graph_for

        started = time.perf_counter()
        parameter = next(network.parameters())
        graph = graph_for(network, points.astype(np.float64))
        graph = graph.to(parameter.device, parameter.dtype)
        seconds["graph"] = time.perf_counter() - started
        started = time.perf_counter()
        with torch.inference_mode():
            heat = graph.scatter_back(network(graph).sigmoid())[0].cpu().numpy()
        seconds["network"] = time.perf_counter() - started
        return heat

    def _cloud(
        self, scan: FaceScan, candidates: np.ndarray, centre: np.ndarray, radius: float
    ) -> PreparedScan:
        count = min(self._graph_settings.sizes[0], len(candidates))
        chosen = candidates[farthest_point_order(candidates, count)]
        return PreparedScan(scan, chosen, candidates, centre, radius)


def best_device() -> str:
    """``cuda`` or ``mps`` where there is one, else ``cpu``."""
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


@functools.cache
def leave_a_core() -> None:
    """One core less for torch, once: where a page or window draws while a network runs, both are done sooner."""
    import torch

    torch.set_num_threads(max(1, torch.get_num_threads() - 1))


def surface_points(scan: FaceScan) -> np.ndarray:
    """Points to choose from: evenly spread on the surface of a mesh, a part of a very large cloud."""
    rng = np.random.default_rng(_SEED)
    if scan.triangles is not None:
        try:
            return sample_surface(scan.points, scan.triangles, _SURFACE_POINTS, rng)[0]
        except GeometryError:  # triangles without area; the vertices are what there is
            pass
    if len(scan.points) > _CANDIDATES:
        return scan.points[np.sort(rng.choice(len(scan.points), _CANDIDATES, replace=False))]
    return scan.points


def _on_surface(landmarks: np.ndarray, prepared: PreparedScan, pose: RigidTransform) -> np.ndarray:
    """Landmarks put on the scanned surface; the heat of points around a bump peaks inside it."""
    back = project_to_surface(pose.inverse().apply(landmarks), prepared.surface, reach=0.5 * prepared.sigma)
    return pose.apply(back)


def _radius(points: np.ndarray) -> float:
    return float(np.linalg.norm(points - points.mean(axis=0), axis=1).max())


def _confidence(prediction: LandmarkPrediction) -> float:
    return float(np.median(prediction.confidence[list(INNER)]))


def _check_points(scan: FaceScan, least: int) -> None:
    from faceviz.graph import check_cloud

    try:
        check_cloud(scan.points, least)
    except GeometryError as error:
        raise GeometryError(f"{scan.source}: {error}") from error


def _check_face(found: LandmarkPrediction, scan: FaceScan) -> None:
    confidence, deviation = _confidence(found), face_deviation(found.landmarks)
    if confidence < _LEAST_CONFIDENCE:
        reason = f"median confidence {confidence:.2f}, at least {_LEAST_CONFIDENCE:.2f} is needed"
    elif deviation > _LARGEST_DEVIATION:
        reason = (
            f"the landmarks lie {deviation:.2f} from a face's, at most {_LARGEST_DEVIATION:.2f} is allowed"
        )
    else:
        return
    raise NoFaceError(
        f"{scan.source}: no face was found ({reason}); crop the scan to the head, or use raw mode to see the heatmaps "
        "all the same"
    )


def model_folder(model: str | Path) -> Path:
    """The folder of a model, given by its name or as a folder.

    Raises:
        CheckpointError: there is neither; the message names the models there are.
    """
    if Path(model).is_dir():
        return Path(model).resolve()
    known = assets.names("models")
    if str(model) in known:
        return assets.path(f"models/{model}")
    raise CheckpointError(
        f"no model named {str(model)!r}{nearest_name(str(model), known)}; or name a model folder"
    )
