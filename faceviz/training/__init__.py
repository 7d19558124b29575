"""Training: strict configurations, data on disk, loops with checkpoints and resume."""

from __future__ import annotations

from faceviz.training.config import LandmarkTrainingConfig, read_config
from faceviz.training.landmarks import TrainingResult, train_landmarks

__all__ = ["LandmarkTrainingConfig", "TrainingResult", "read_config", "train_landmarks"]
