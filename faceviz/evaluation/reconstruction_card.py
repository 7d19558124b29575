"""The card of a reconstruction model: what it is, what it learnt from, how good it is, how to repeat each figure."""

from __future__ import annotations

from typing import Any

_WHAT = {
    "faceviz-stream": """Images of a face come one at a time; after each, 16,384 corresponding points of the neutral
face. An encoder with ConvLSTM memory, features weighted by learned confidence, a linear space of shapes.""",
    "thomassen2022": """The network of "3D Face Reconstruction Using Facial Image Sequences" (Thomassen, 2022),
trained on corresponding points.""",
}


def reconstruction_card(name: str, description: dict[str, Any], report: dict[str, Any] | None = None) -> str:
    """Markdown from a model's ``config.json`` and the JSON of an evaluation, if there is one."""
    parts = [_head(name, description), _training(description.get("training", {}))]
    if report:
        parts.append(_figures(name, report))
    return "\n".join(parts)


def _head(name: str, description: dict[str, Any]) -> str:
    return f"""# {name}

{_WHAT.get(description.get("architecture", ""), "")}

- Weights: `model.safetensors`, half precision, SHA-256 `{description.get("sha256")}`
- Settings: `config.json`
- Use: `faceviz reconstruct FOLDER|VIDEO|camera:0 -o face.ply --model {name}`
"""


def _training(training: dict[str, Any]) -> str:
    if not training:
        return "How it was trained is not recorded.\n"
    config = training["config"]
    data, optimiser = config["data"], config["optimiser"]
    file = training.get("config_file", "configs/reconstruction.yaml")
    return f"""## Training

- Data: rendered sequences of {training["people"]} synthetic people (heads: {", ".join(training["sources"])}; seed
  {data["seed"]}; {data["frames"]} pictures each). No photograph was learnt from.
- Command: `faceviz train reconstruction --config {file}`, commit `{training.get("commit")}`
- {training["steps"]} steps of {optimiser["batch"]} people, {training["minutes"]} minutes, seed {config["seed"]};
  {_chosen(training["best_by"])}
- On the validation people: mean distance of corresponding points of the shape (pose and size apart)
  {training["val_mm_1"]:.2f} mm after one image, {training["val_mm"]:.2f} mm after {data["frames"]}; the mean face
  {training["mean_face_mm"]:.2f} mm
{"".join(f"- {note}" + chr(10) for note in training.get("notes", []))}"""


def _chosen(best_by: str | None) -> str:
    return f"best by {best_by} loss" if best_by else "the last weights"


def _figures(name: str, report: dict[str, Any]) -> str:
    mean = report["mean_face"]
    rows = [
        ("NME after ICP", "nme", 5),
        ("corresponding points, mm", "point_error_mm", 2),
        ("the same, size counted, mm", "rigid_error_mm", 2),
    ]
    lines = [
        "## Figures",
        "",
        f"Data: {report['data']['description']}. Commit `{report['commit']}`,",
        f"weights `{(report['model']['sha256'] or '')[:12]}`.",
        f"Command: `faceviz evaluate reconstruction --data {report['data']['spec']} --model {name}`",
        "",
        "| | this model | mean face |",
        "|---|---|---|",
        *(f"| {text} | {report[key]:.{digits}f} | {mean[key]:.{digits}f} |" for text, key, digits in rows),
        "",
        f"Spread over {report['orders']} orders of the images: {100 * report['order_spread']:.1f} % of the error.",
    ]
    return "\n".join([*lines, ""])
