"""``faceviz doctor``: what is installed and what works here, and what to do where something lacks."""

from __future__ import annotations

import json
import os
import platform
import shutil
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib import metadata
from typing import Annotated, Any

import typer

from faceviz.cli.output import check_outputs, write_text
from faceviz.errors import counted

#: Extras and the packages that show whether they are there.
EXTRAS = {
    "gui": ("panel", "panel-material-ui"),
    "desktop": ("PySide6-Essentials", "pyvistaqt"),
    "notebook": ("anywidget", "ipywidgets"),
    "train": ("lightning", "torchmetrics"),
    "synth": ("anny",),
    "cluster": ("dask", "distributed"),
    "export": ("onnx", "onnxruntime", "onnxscript"),
    "dgl": ("dgl",),
    "docs": ("sphinx",),
}
CORE = (
    "numpy", "scipy", "torch", "open3d", "opencv-python", "pillow", "pyvista", "vtk", "trimesh", "safetensors",
    "pydantic", "typer",
)  # fmt: skip


@dataclass(frozen=True)
class Finding:
    """One thing looked at.

    Args:
        good: None where it is a matter of taste, such as an extra that is not installed.
        help: what to do where it lacks.
    """

    name: str
    value: str
    good: bool | None = True
    help: str = ""


def doctor(
    json_out: Annotated[
        str | None, typer.Option("--json", metavar="FILE", help="The same as JSON; - for standard output.")
    ] = None,
    camera: Annotated[bool, typer.Option(help="Open the first camera for a moment.")] = True,
) -> None:
    """Say what is installed, which device is used, what draws, and which models and samples are there.

    Exits with 1 where something that every command needs is missing.

    \b
    Examples:
      faceviz doctor
      faceviz doctor --json - --no-camera
    """
    check_outputs(json_out)
    groups = {
        "System": _system(),
        "Packages": [_package(name) for name in CORE],
        "Extras": [_extra(name, packages) for name, packages in EXTRAS.items()],
        "Works here": [
            _tried("device", _device), _tried("drawing", _drawing), _tried("camera", _camera, camera), _browser(),
        ],
        "Files": _files(),
    }  # fmt: skip
    findings = [finding for group in groups.values() for finding in group]
    if json_out is not None:
        document = {title: [asdict(finding) for finding in group] for title, group in groups.items()}
        write_text(json_out, json.dumps(document, indent=1) + "\n")
    if json_out != "-":
        _print(groups)
    if any(finding.good is False for finding in findings):
        raise typer.Exit(1)


def _print(groups: dict[str, list[Finding]]) -> None:
    for title, group in groups.items():
        print(title)
        for finding in group:
            mark = {True: " ", False: "!", None: "-"}[finding.good]
            print(f" {mark} {finding.name:<16}{finding.value}")
            if finding.help and finding.good is not True:
                print(f"   {'':<16}{finding.help}")


def _system() -> list[Finding]:
    from faceviz import __version__

    fits = sys.version_info >= (3, 10)
    threads = os.environ.get("OMP_NUM_THREADS", "not set")
    return [
        Finding("faceviz", __version__),
        Finding("Python", platform.python_version(), fits, "install Python 3.10 or later"),
        Finding("platform", platform.platform()),
        Finding("cores", f"{os.cpu_count()}, OMP_NUM_THREADS {threads}"),
    ]


def _package(name: str) -> Finding:
    version = _version(name)
    return Finding(
        name, version or "not installed", version is not None, "pip install --force-reinstall faceviz"
    )


def _extra(name: str, packages: tuple[str, ...]) -> Finding:
    versions = {package: _version(package) for package in packages}
    missing = [package for package, version in versions.items() if version is None]
    if not missing:
        return Finding(name, ", ".join(f"{package} {version}" for package, version in versions.items()))
    return Finding(name, "not installed", None, f'pip install "faceviz[{name}]"')


def _tried(name: str, look: Callable[[], Finding], wanted: bool = True) -> Finding:
    """What looking gives; whatever it raises is the finding."""
    if not wanted:
        return Finding(name, "not looked at", None)
    try:
        return look()
    except Exception as error:
        cause = " ".join(str(error).split())[:120]
        return Finding(
            name, f"{type(error).__name__}: {cause}", False, "see the packages above, or reinstall"
        )


def _device() -> Finding:
    import torch

    if torch.cuda.is_available():
        return Finding("device", f"cuda ({torch.cuda.get_device_name()})")
    found = (
        "mps" if torch.backends.mps.is_available() else f"cpu ({counted(torch.get_num_threads(), 'thread')})"
    )
    return Finding("device", found)


def _drawing() -> Finding:
    """Draws a triangle off screen, and says with what."""
    import numpy as np
    import pyvista as pv
    from vtkmodules.vtkCommonCore import vtkLogger

    vtkLogger.SetStderrVerbosity(
        vtkLogger.VERBOSITY_OFF
    )  # it warns where there is no display, and needs none
    plotter: Any = pv.Plotter(off_screen=True, window_size=[32, 32])
    plotter.background_color = "black"
    plotter.add_mesh(pv.Triangle(), color="white", lighting=False)
    plotter.render()
    drawn = bool((np.asarray(plotter.screenshot(return_img=True)) > 128).any())
    window = plotter.render_window
    lines = [line.strip() for line in (window.ReportCapabilities() or "").splitlines()]
    renderer = next((line.partition(":")[2].strip() for line in lines if "renderer string" in line), "")
    backend = f"{window.GetClassName()}, {renderer or 'OpenGL'}"
    plotter.close()
    advice = "apt-get install libgl1 libegl1, or set VTK_DEFAULT_OPENGL_WINDOW=vtkOSOpenGLRenderWindow"
    return Finding("drawing", backend if drawn else f"{backend}: the picture stays empty", drawn, advice)


def _camera() -> Finding:
    from faceviz.errors import CameraError
    from faceviz.io.video import CameraFeed

    try:
        feed = CameraFeed(0)
    except CameraError as error:
        cause, _, advice = str(error).removeprefix("camera:0: ").partition("; ")
        return Finding("camera", cause, None, advice)
    height, width = next(iter(feed)).image.shape[:2]
    feed.close()
    return Finding("camera", f"camera:0 sends {width} x {height}")


def _browser() -> Finding:
    found = shutil.which("chromium") or shutil.which("google-chrome")
    return Finding("browser", found or "no Chromium", True if found else None, "only the tests drive one")


def _files() -> list[Finding]:
    from faceviz import assets

    models = [
        name
        for name in assets.names("models")
        if (assets.path(f"models/{name}") / "model.safetensors").is_file()
    ]
    scans = [name for name in assets.names("scans") if not name.endswith((".md", ".json"))]
    return [
        Finding("models", ", ".join(models) or "none", bool(models), "pip install --force-reinstall faceviz"),
        Finding("sample scans", str(len(scans)), True if scans else None),
    ]


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
