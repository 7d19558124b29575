"""``faceviz export``: a network for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from faceviz.cli.output import check_outputs, write_text


def export(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Name or folder of a model.")] = "se3unet",
    out: Annotated[
        Path,
        typer.Option(
            "-o", "--out", metavar="FILE.onnx|FILE.pt2", help="ONNX, or torch.export.", show_default=False
        ),
    ] = ...,  # type: ignore[assignment]
    check: Annotated[bool, typer.Option(help="Compare the file with the network on an example.")] = True,
    json_out: Annotated[
        str | None, typer.Option("--json", metavar="FILE", help="What was written; - for standard output.")
    ] = None,
) -> None:
    """Write a network as ONNX or as a program of torch.export, and check it against the network itself.

    The landmark network takes a cloud and its neighbour tables (SurfaceGraph.from_points makes them) and gives the
    heatmaps of its points. The reconstruction network takes an image and its state, zeros at first, and gives the face,
    the image's 68 landmarks and the new state.

    \b
    Examples:
      faceviz export se3unet -o se3unet.onnx
      faceviz export faceviz-stream -o stream.pt2 --json -
    """
    import json

    check_outputs(str(out), json_out)
    from faceviz import export as exporting
    from faceviz.errors import CheckpointError

    network, description = exporting.open_for_export(model)
    subject = exporting.exportable(network)
    exporting.export(subject, out)
    try:
        difference = exporting.parity(subject, out) if check else None
    except CheckpointError:
        out.unlink(missing_ok=True)  # a file that says something else is no use
        raise
    facts = {
        "file": str(out),
        "bytes": out.stat().st_size,
        "model": model,
        "sha256": description["sha256"],
        "inputs": {name: list(value.shape) for name, value in subject.inputs.items()},
        "outputs": list(subject.outputs),
        "largest_difference": difference,
    }
    if json_out is not None:
        write_text(json_out, json.dumps(facts, indent=1) + "\n")
    if json_out != "-":
        said = (
            "not checked" if difference is None else f"differs from the network by at most {difference:.1e}"
        )
        print(f"{out}: {out.stat().st_size / 1e6:.1f} MB, {said}")
        for name, shape in facts["inputs"].items():
            print(f"  in   {name:<12}{' x '.join(map(str, shape))}")
        print(f"  out  {', '.join(subject.outputs)}")
