"""What a report says, before it is set as pages: numbers, texts and scenes of a session."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from faceviz.display import state
from faceviz.display.front import Front
from faceviz.display.models import model_title
from faceviz.display.scene import SceneSpec
from faceviz.display.session import Session, session_document
from faceviz.display.session_document import ModelRecord, NumbersRecord, SessionDocument
from faceviz.errors import CheckpointError
from faceviz.geometry.transforms import RigidTransform
from faceviz.heatmaps import SIGMA
from faceviz.landmarks import NAMES
from faceviz.metrics import CURVE_THRESHOLDS, iou_curve

if TYPE_CHECKING:
    from faceviz.pipeline import LandmarkPredictor

MOTIONS = 8
_SEED = 0
_TURN = 40.0  # degrees of the second row of pictures
_PICTURE = (2100, 1140)  # pixels


@dataclass(frozen=True, slots=True)
class Motions:
    """What random motions did to the heat: the largest change of any value at each of them."""

    seed: int
    changes: tuple[float, ...]

    @property
    def worst(self) -> float:
        return max(self.changes)


@dataclass(frozen=True, slots=True, eq=False)
class ReportContent:
    """All that a report shows.

    Args:
        document: what the session file says: scan, models, numbers, settings, provenance.
        scenes: prediction, truth and difference from the front and from a side; one a row, and with a second model
            one more.
        landmarks: (68, 3) in the scan's frame, of the first model.
        confidence: (68,) of it.
        uncertainty: (68,) root-mean-square error to expect, mm; None without calibration.
        curves: IoU (T, 68) at ``CURVE_THRESHOLDS`` for each model, by its title; empty without truth.
        motions: None where no network was at hand to be asked.
        card: of the model, Markdown; empty where it has none.
        command: that makes the report again.
    """

    document: SessionDocument
    scenes: tuple[SceneSpec, ...]
    landmarks: np.ndarray
    confidence: np.ndarray
    uncertainty: np.ndarray | None
    curves: dict[str, np.ndarray]
    motions: Motions | None
    card: str
    command: str

    @property
    def title(self) -> str:
        return self.document.scan.source

    @property
    def first(self) -> NumbersRecord:
        """The numbers of the first model."""
        return self.document.views[0].numbers

    @property
    def digits(self) -> int:
        """Decimals of the positions: a thousandth of their extent."""
        reach = float(np.ptp(self.landmarks, axis=0).max()) or 1.0
        return int(np.clip(np.ceil(3 - np.log10(reach)), 0, 6))

    def pictures(self, progress: Callable[[int, int], None] = lambda done, total: None) -> list[np.ndarray]:
        """The drawn scenes, (height, width, 3) uint8. From one thread only: VTK asks for that."""
        from faceviz.view.render import scene_image

        drawn = []
        for spec in self.scenes:
            drawn.append(scene_image(spec, _PICTURE))
            progress(len(drawn), len(self.scenes))
        return drawn

    def headline(self) -> tuple[tuple[str, str, str], ...]:
        """Four figures, each with its name and a note."""
        numbers, none = self.first, ("\u2013", "no truth given")
        iou = none if numbers.mean_iou is None else (f"{numbers.mean_iou:.3f}", "mean of 68 landmarks")
        error = none
        if numbers.median_error is not None and numbers.error is not None:
            unit = numbers.error_unit
            error = (f"{numbers.median_error:.2f} {unit}", f"worst {max(numbers.error):.1f} {unit}")
        change = ("\u2013", "not measured")
        if self.motions is not None:
            change = (f"{self.motions.worst:.1e}", f"worst of {len(self.motions.changes)} random motions")
        elif numbers.change is not None:
            change = (f"{numbers.change:.1e}", "under the saved motion")
        worst = int(np.argmin(self.confidence))
        confidence = (
            f"{np.median(self.confidence):.2f}",
            f"least {self.confidence[worst]:.2f}, of landmark {worst}",
        )
        return (
            (f"IoU at {numbers.threshold:g}", *iou),
            ("Median landmark error", *error),
            ("Change of heat when moved", *change),
            ("Median confidence", *confidence),
        )

    def facts(self) -> tuple[tuple[str, str], ...]:
        """Scan, model and machine, by name and value."""
        scan, provenance = self.document.scan, self.document.provenance
        shape = f"{scan.points:,} points" + (f", {scan.triangles:,} triangles" if scan.triangles else "")
        cloud = "its own points, as they are" if self.document.cloud.raw else "the face region, resampled"
        models = [
            (name, _model_line(view.model))
            for name, view in zip(("Model", "Beside it"), self.document.views, strict=False)
        ]
        versions = ", ".join(f"{name} {version}" for name, version in provenance.versions.items() if version)
        return (
            ("Scan", f"{scan.source}: {shape}, unit {scan.unit}"),
            ("Truth", "68 true landmarks came with the scan" if scan.truth else "none came with the scan"),
            ("Checksum", f"SHA-256 {scan.sha256[:32]}\u2026 of coordinates and triangles"),
            ("Network saw", cloud),
            *models,
            ("Made on", f"{provenance.date.replace('T', ' ')}, {provenance.platform}"),
            ("Versions", versions),
            ("Commit", provenance.commit or "not from a work tree"),
        )

    def protocol(self) -> tuple[str, ...]:
        """How the numbers were made, in sentences."""
        numbers, view = self.first, self.document.views[0]
        moved = not np.allclose(view.moved.pose, np.eye(4), atol=1e-12)
        protocol = {"st": "as moved (ST)", "icp": "aligned back by ICP", "none": "without the motion"}
        at = f"{numbers.threshold:g}"
        sentences = [
            "Truth heat of a point is exp(-d\u00b2 / 2\u03c3\u00b2), d its distance to the true landmark and \u03c3 = "
            f"{SIGMA:g} of the radius of the network's cloud. IoU at {at} of a landmark is the number of points with "
            f"both heats at {at} or more, over those with either; where neither has any it is undefined and left out "
            "of the mean."
            if numbers.iou is not None
            else "The scan brought no true landmarks: positions and confidences are given, and no IoU or error.",
            "Confidence is a landmark's highest heat. Positions are in the scan's own frame and unit."
            + (
                ""
                if self.uncertainty is None
                else " \u00b1 is the root-mean-square error to expect, told by the heat."
            ),
        ]
        if moved and numbers.change is not None:
            settings = self.document.settings
            turn = ", ".join(f"{angle:g}\u00b0" for angle in settings.rotation_deg)
            shift = ", ".join(f"{value:g}" for value in settings.translation)
            sentences.append(
                f"The numbers are of the scan turned by ({turn}) about x, y, z and shifted by ({shift}), shown to the "
                f"network {protocol[settings.protocol]}; that changed no heat value by more than {numbers.change:.1e}. "
                "The pictures show it from its front all the same."
            )
        if self.motions is not None:
            listed = ", ".join(f"{change:.1e}" for change in self.motions.changes)
            sentences.append(
                f"Invariance: under {len(self.motions.changes)} random motions (rotation uniform on SO(3), translation "
                f"up to {state.REACH:g} radii of the scan, seed {self.motions.seed}) the largest change of any heat "
                f"value was {self.motions.worst:.1e} (each: {listed}). About 1e-6 is rounding in float32."
            )
        else:
            sentences.append(
                "Invariance: not measured anew, since the weights that made these numbers are not at hand."
            )
        return tuple(sentences)

    def to_dict(self) -> dict[str, Any]:
        """The report's numbers, for JSON; undefined ones are None."""
        view = self.document.views[0]
        curves = {
            title: [[None if np.isnan(v) else float(v) for v in row] for row in curve]
            for title, curve in self.curves.items()
        }
        return {
            "scan": self.document.scan.model_dump(),
            "models": [part.model.model_dump() for part in self.document.views],
            "names": list(NAMES),
            "landmarks": self.landmarks.tolist(),
            "confidence": self.confidence.tolist(),
            "uncertainty_mm": None if self.uncertainty is None else self.uncertainty.tolist(),
            "numbers": view.numbers.model_dump(),
            "numbers_beside": [part.numbers.model_dump() for part in self.document.views[1:]],
            "thresholds": CURVE_THRESHOLDS.tolist(),
            "iou_curves": curves,
            "motions": None
            if self.motions is None
            else {"seed": self.motions.seed, "changes": list(self.motions.changes)},
            "settings": self.document.settings.model_dump(),
            "provenance": self.document.provenance.model_dump(),
            "command": self.command,
        }


def report_content(session: Session, command: str, motions: Motions | None = None) -> ReportContent:
    """What a session's report says.

    Args:
        session: of any front end.
        command: that makes the report again.
        motions: by ``measure_motions``, where a network is at hand.
    """
    truth = session.moved.loaded.truth_heat
    curves = {
        model_title(view.loaded.model): iou_curve(view.prediction.point_heatmaps, truth)
        for view in session.views
        if truth is not None
    }
    scenes = [_scene(view, session) for view in session.views]
    scenes.append(replace(scenes[0], front=_turned(scenes[0].front)))
    prediction = session.prediction
    return ReportContent(
        document=session_document(session),
        scenes=tuple(scenes),
        landmarks=prediction.landmarks,
        confidence=prediction.confidence,
        uncertainty=prediction.uncertainty_mm,
        curves=curves,
        motions=motions,
        card=_card(session),
        command=command,
    )


def measure_motions(
    predictor: LandmarkPredictor,
    session: Session,
    *,
    count: int = MOTIONS,
    seed: int = _SEED,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Motions:
    """Moves the session's scan at random and asks the network anew each time."""
    loaded = replace(session.moved.loaded, predictor=predictor)
    rng, changes = np.random.default_rng(seed), []
    for done in range(1, count + 1):
        settings = session.settings.with_(**state.random_motion(loaded.scan, rng))
        changes.append(state.move(predictor, loaded, settings.pose(loaded.scan.centroid)).change or 0.0)
        progress(done, count)
    return Motions(seed, tuple(changes))


def _model_line(model: ModelRecord) -> str:
    title = model_title(model.name)
    named = model.name if title == model.name else f"{model.name} ({title})"
    return named if model.sha256 is None else f"{named}, weights SHA-256 {model.sha256[:16]}\u2026"


def _scene(view: state.Moved, session: Session) -> SceneSpec:
    """Prediction, truth and difference beside each other, on white, the scan as it lay."""
    light = session.settings.with_(dark=False)
    spec = state.moved_scene(view, light.with_(beside="truth"))
    panes = list(spec.panes)
    if view.loaded.truth_heat is not None:
        panes.append(state.moved_scene(view, light.with_(beside="difference")).panes[1])
    if len(session.views) > 1:
        panes[0] = replace(panes[0], title=model_title(view.loaded.model))
    return replace(spec, panes=tuple(panes), pose=RigidTransform.identity())


def _turned(front: Front) -> Front:
    angle = np.deg2rad(_TURN)
    forward = np.cos(angle) * front.forward + np.sin(angle) * np.cross(front.up, front.forward)
    return Front(forward, front.up)


def _card(session: Session) -> str:
    """The card of the first model, where its folder is here and holds the weights of the session."""
    from faceviz.io.weights import CARD, load_weights
    from faceviz.pipeline import model_folder

    try:
        folder = model_folder(session.settings.model or session.models[0].name)
        same = load_weights(folder)[1]["sha256"] == session.models[0].sha256
    except (CheckpointError, OSError):
        return ""
    card = folder / CARD
    return card.read_text(encoding="utf-8") if same and card.is_file() else ""
