"""The same objects as ``aimodellib.util``, under the other name that scripts use."""

from ..util import InferenceModule, Logger, PrintLogger, Request, TrainingModule

__all__ = ["InferenceModule", "Logger", "PrintLogger", "Request", "TrainingModule"]
