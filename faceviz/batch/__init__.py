"""Landmarks of all scans in a folder, kept as they come, so that a run that was cut off goes on where it stopped."""

from __future__ import annotations

from faceviz.batch.folder import BatchProgress, BatchSummary, landmark_folder, landmark_steps
from faceviz.batch.results import ScanResult, read_results

__all__ = ["BatchProgress", "BatchSummary", "ScanResult", "landmark_folder", "landmark_steps", "read_results"]
