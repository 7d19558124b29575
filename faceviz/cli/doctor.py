"""``faceviz doctor``: what is installed and what works here."""

from __future__ import annotations

import os
import platform
import shutil
from importlib import metadata

import typer

PACKAGES = (
    "numpy",
    "scipy",
    "torch",
    "dgl",
    "open3d",
    "opencv-python",
    "trimesh",
    "pyvista",
    "panel",
    "anny",
)


def doctor() -> None:
    """Say what is installed, which device is used and which models and samples are there.

    Exits with 1 where something that every command needs is missing.
    """
    from faceviz import __version__, assets

    print(f"faceviz {__version__}, Python {platform.python_version()}, {platform.platform()}")
    print(f"cores: {os.cpu_count()}, OMP_NUM_THREADS: {os.environ.get('OMP_NUM_THREADS', 'not set')}")
    for package in PACKAGES:
        print(f"  {package:<16}{_version(package)}")
    print(f"device: {_device()}")
    print(
        f"browser: {shutil.which('chromium') or shutil.which('google-chrome') or 'none found (only tests need one)'}"
    )
    models = [
        name
        for name in assets.names("models")
        if (assets.path(f"models/{name}") / "model.safetensors").is_file()
    ]
    print(f"models: {', '.join(models) or 'none'}")
    print(
        f"sample scans: {len([name for name in assets.names('scans') if not name.endswith(('.md', '.json'))])}"
    )
    if not models:
        raise typer.Exit(1)


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def _device() -> str:
    import torch

    if torch.cuda.is_available():
        return f"cuda ({torch.cuda.get_device_name()})"
    return "mps" if torch.backends.mps.is_available() else f"cpu ({torch.get_num_threads()} threads)"
