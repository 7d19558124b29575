"""The card of a model: what it is, what it learnt from, how good it is, and how to repeat each figure."""

from __future__ import annotations

from typing import Any

from faceviz.evaluation.report import PUBLISHED_NOTE


def model_card(name: str, description: dict[str, Any], report: dict[str, Any] | None = None) -> str:
    """Markdown from a model's ``config.json`` and the JSON of an evaluation, if there is one."""
    parts = [_head(name, description), _training(description.get("training", {}))]
    if report:
        parts.append(_figures(name, report))
    return "\n".join(parts)


def _head(name: str, description: dict[str, Any]) -> str:
    network = description.get("network", {})
    return f"""# {name}

68 landmark heatmaps on a cloud of points of a face scan, invariant under rotation and translation by construction: an
SE(3)-UNet on scalars and vectors, levels of {" / ".join(map(str, network.get("sizes", [])))} points.

- Weights: `model.safetensors`, SHA-256 `{description.get("sha256")}`
- Settings: `config.json`
- Use: `faceviz landmarks SCAN --model {name}`
"""


def _training(training: dict[str, Any]) -> str:
    if not training:
        return "How it was trained is not recorded.\n"
    config = training["config"]
    data = config["data"]
    optimiser = config["optimiser"]
    return f"""## Training

- Data: {data["scans"]} synthetic scans (heads: {", ".join(training["sources"])}; virtual scanner; seed {data["seed"]};
  split `train`), {data["validation"]} of other people for validation. No real scan was learnt from.
- Command: `faceviz train landmarks --config configs/landmarks.yaml`
- Commit: `{training.get("commit")}`
- {training["steps"]} steps of {optimiser["batch"]} clouds in {training["minutes"]} minutes, seed {config["seed"]},
  Adaptive Wing loss{" and soft IoU" if config["loss"].get("overlap") else ""}
- On the validation clouds: mean IoU at 0.2 {training["validation_iou"]}; inner 51 landmarks, median error
  {training["validation_mm"]} mm
{"".join(f"- {note}" + chr(10) for note in training.get("notes", []))}"""


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
