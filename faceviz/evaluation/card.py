"""The card of a model: what it is, what it learnt from, how good it is, and how to repeat each figure."""

from __future__ import annotations

from typing import Any

import numpy as np

from faceviz.evaluation.report import PUBLISHED_NOTE


def model_card(name: str, description: dict[str, Any], report: dict[str, Any] | None = None) -> str:
    """Markdown from a model's ``config.json`` and the JSON of an evaluation, if there is one."""
    parts = [_head(name, description), _training(description.get("training", {}))]
    if report:
        parts.append(_figures(name, report))
    return "\n".join(parts)


_WHAT = {
    "se3unet": "invariant under rotation and translation by construction: an\n"
    "SE(3)-UNet on scalars and vectors, levels of {sizes} points.",
    "ordinary": "by an ordinary network on coordinates: edge convolutions\n(DGCNN) in a U-Net of {sizes} points. "
    "**Not invariant**: it is here to be compared with.",
    "ferraretto2024": "by the SE(3)-Transformer U-Net of Ferraretto (2024),\n{mistakes}.",
}


def _head(name: str, description: dict[str, Any]) -> str:
    network = description.get("network", {})
    what = _WHAT.get(description.get("architecture", ""), "by a network of another kind.")
    sizes = " / ".join(map(str, network.get("sizes", [])))
    what = what.format(sizes=sizes, mistakes=_mistakes(network))
    if network.get("transformer"):
        what += " A spatial transformer (T-Net) turns the cloud first."
    return f"""# {name}

68 landmark heatmaps on a cloud of points of a face scan, {what}

- Weights: `model.safetensors`, SHA-256 `{description.get("sha256")}`
- Settings: `config.json`
- Use: `faceviz landmarks SCAN --model {name}`
"""


def _mistakes(network: dict[str, Any]) -> str:
    left = [name for name, there in network.get("compat", {}).items() if there]
    if not left:
        return "its mistakes mended, so that it is invariant by construction"
    return f"with {len(left)} of its mistakes ({', '.join(left)})"


def _training(training: dict[str, Any]) -> str:
    if not training:
        return "How it was trained is not recorded.\n"
    config = training["config"]
    data = config["data"]
    notes = "".join(f"- {note}\n" for note in training.get("notes", []))
    return f"""## Training

- Data: {data["scans"]} synthetic scans (heads: {", ".join(training["sources"])}; virtual scanner; seed {data["seed"]};
  split `train`), {data["validation"]} of other people for validation. No real scan was learnt from.
- Shown {_shown(data)}.
- Command: `faceviz train landmarks --config {training.get("config_file", "configs/landmarks.yaml")}`
- Commit: `{training.get("commit")}`
- {_steps(training, config)} in {training["minutes"]} minutes, seed {config["seed"]},
  Adaptive Wing loss{" and soft IoU" if config["loss"].get("overlap") else ""}
- On the validation clouds: mean IoU at 0.2 {training["validation_iou"]}; inner 51 landmarks, median error
  {training["validation_mm"]} mm
{notes}"""


def _shown(data: dict[str, Any]) -> str:
    """How clouds were changed from one time to the next; older records turned them at random."""
    if data.get("rotate", True):
        pose = "in any orientation"
    else:
        pose = f"upright, tilted by {data['tilt']:g} degrees (standard deviation about each axis)"
    changes = ", mirrored, cut and noisy" if data.get("augment", True) else ", otherwise as they are"
    return pose + changes + (", one cloud of each" if data.get("views") == 1 else "")


def _steps(training: dict[str, Any], config: dict[str, Any]) -> str:
    optimiser = config["optimiser"]
    accumulated = f" x {optimiser['accumulate']}" if optimiser.get("accumulate", 1) > 1 else ""
    planned = f" ({training['epochs']:.1f} of {optimiser['epochs']} epochs)" if training.get("epochs") else ""
    return f"{training['steps']} steps of {optimiser['batch']}{accumulated} clouds{planned}"


def _figures(name: str, report: dict[str, Any]) -> str:
    data, error = report["data"], report["landmark_error"]
    columns = report["protocols"]
    lines = [
        "## Figures",
        "",
        f"Data: {data['description']}. Seed {report['seed']}, commit `{report['commit']}`,",
        f"weights `{report['model']['sha256'][:12]}`.",
        f"Command: `faceviz evaluate landmarks --data {data['spec']} --protocol all --model {name}`",
        "",
        "| IoU at 0.2 | " + " | ".join(columns) + " |",
        "|---|" + "---|" * len(columns),
        "| mean of 68 | " + " | ".join(f"{column['mean']:.3f}" for column in columns.values()) + " |",
        "| worst | " + " | ".join(f"{column['worst']['iou']:.3f}" for column in columns.values()) + " |",
        "| best | " + " | ".join(f"{column['best']['iou']:.3f}" for column in columns.values()) + " |",
        "| published mean* | "
        + " | ".join(f"{report['published']['iou'][column]['mean']:.3f}" for column in columns)
        + " |",
        "",
        f"\\* {PUBLISHED_NOTE}",
        "",
        f"- Largest change of any heatmap value under any protocol: {report['invariance_error']:.1e}",
    ]
    if error:
        lines += [
            f"- Landmark error through the whole predictor, {error['unit']}: median {error['median']:.2f}; inner 51: "
            f"median {error['inner_median']:.2f}, mean {error['inner_mean']:.2f}; no face found in "
            f"{error['no_face_found']} scans",
            f"- IoU at 0.2 on the face region that the predictor finds: {error['region_iou']:.3f}",
        ]
    return "\n".join([*lines, ""])


_UNCERTAINTY = "## Uncertainty"


def with_uncertainty(card: str, record: dict[str, Any]) -> str:
    """A card with its section on uncertainty written anew, at the end.

    Args:
        card: Markdown.
        record: of the model's ``Calibration``.
    """
    before, _, rest = card.partition(_UNCERTAINTY)
    after = rest[rest.index("\n## ") + 1 :] if "\n## " in rest else ""
    return f"{before.rstrip()}\n{after and chr(10) + after.rstrip() + chr(10)}\n{_uncertainty(record)}"


def _uncertainty(record: dict[str, Any]) -> str:
    shown = (0.1, 0.3, 0.5, 0.7, 0.9, 0.95, 0.99)
    curve = dict(zip(np.round(record["curve"]["expected"], 4), record["curve"]["observed"], strict=True))
    ratio, doubt, worst = (
        record["error_over_deviation"],
        record["most_uncertain"],
        record["error_over_deviation"]["worst_landmark"],
    )
    fitted, checked = record["fitted_on"], record["checked_on"]
    lines = [
        _UNCERTAINTY,
        "",
        "Each landmark comes with the error to expect of it, `uncertainty_mm`. It is calibrated: the root-mean-square",
        "error is regressed (gamma, log link) on how badly the landmark's heat agrees with a single place and on its",
        "confidence, with an offset of its own for each landmark, and the distances that hold a given share of the",
        "truths are the quantiles of error over uncertainty.",
        "",
        f"- Fitted on {fitted['description']}; checked on {checked['description']}, other people",
        f"- Command: `faceviz calibrate landmarks --data {fitted['spec']} --check {checked['spec']} --png curve.png`",
        f"- Commit: `{record['provenance']['commit']}`",
        "",
        "| share of truths expected within reach | " + " | ".join(f"{level:.2f}" for level in shown) + " |",
        "|---|" + "---|" * len(shown),
        "| observed | " + " | ".join(f"{curve[level]:.3f}" for level in shown) + " |",
        "",
        f"- Largest gap of the curve: {record['largest_gap']:.3f}",
        f"- Error over uncertainty, RMS: {ratio['rms']:.2f} over all, 1 is perfect; worst {worst['landmark']} "
        f"{worst['name']} {worst['rms']:.2f}",
        f"- The five most uncertain landmarks of a scan are off {doubt['ratio']:.1f} times as far as the others, "
        "against what is usual for each",
        "- On scans unlike these the errors are larger than told; the auditor widens its limits by what it sees.",
    ]
    return "\n".join([*lines, ""])
