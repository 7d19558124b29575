"""Puts the weights, sample scans and apps into the wheel; an editable install finds them in the work tree."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FOLDERS = {"assets": "faceviz/_assets", "apps": "faceviz/_apps"}


class IncludeAssets(BuildHookInterface):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return
        for folder, target in FOLDERS.items():
            source = Path(self.root) / folder
            if source.is_dir():
                build_data["force_include"][str(source)] = target
