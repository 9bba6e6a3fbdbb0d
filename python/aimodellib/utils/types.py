"""The same objects as ``aimodellib.util.types``, under the other name that scripts use."""

from ..util.types import InferenceModule, Logger, Request, TrainingModule

__all__ = ["InferenceModule", "Logger", "Request", "TrainingModule"]
