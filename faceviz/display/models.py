"""The networks that one can choose from: those that came along, and folders that a person names."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from faceviz import assets

#: What is written where a model is chosen; others go by the name of their folder.
TITLES = {
    "se3unet": "Ours",
    "ferraretto2024": "SE3-Unet, published",
    "ferraretto2024_published": "SE3-Unet, published",
    "ferraretto2024_mended": "SE3-Unet, mended",
    "ordinary": "Ordinary",
    "ordinary_rotated": "Ordinary, rotated",
    "ordinary_tnet": "Ordinary, T-Net",
}


def model_title(name: str) -> str:
    """A model's name for people.

    >>> model_title("se3unet"), model_title("runs/mine")
    ('Ours', 'mine')
    """
    return TITLES.get(name, Path(name).name.removesuffix(".pth") or name)


def known_models(folders: Iterable[str] = ()) -> dict[str, str]:
    """Title and name of every model there is: those in the assets, ours first, then folders that hold one.

    Args:
        folders: each a model's folder, a folder of such folders, or a published checkpoint (``.pth``).
    """
    names = [name for name in assets.names("models") if _is_model(assets.path(f"models/{name}"))]
    names.sort(key=lambda name: (list(TITLES).index(name) if name in TITLES else len(TITLES), name))
    found = {model_title(name): name for name in names}
    for folder in folders:
        for path in _models_in(Path(folder).expanduser()):
            found[_free(model_title(path.name), found)] = str(path)
    return found


def folders_from_environment() -> list[str]:
    """What FACEVIZ_MODELS names, separated as in PATH."""
    return [part for part in os.environ.get("FACEVIZ_MODELS", "").split(os.pathsep) if part]


def _models_in(folder: Path) -> list[Path]:
    if _is_model(folder) or (folder.suffix == ".pth" and folder.is_file()):
        return [folder]
    return sorted(path for path in folder.iterdir() if _is_model(path)) if folder.is_dir() else []


def _is_model(folder: Path) -> bool:
    return (folder / "config.json").is_file()


def _free(title: str, taken: Iterable[str]) -> str:
    """The title, numbered where another has it."""
    number, free = 1, title
    while free in taken:
        number, free = number + 1, f"{title} ({number + 1})"
    return free
