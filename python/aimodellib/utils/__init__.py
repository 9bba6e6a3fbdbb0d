"""The same objects as ``aimodellib.util``, under the other name that scripts know."""

from ..util import InferenceModule, Logger, PrintLogger, TrainingModule

__all__ = ["InferenceModule", "Logger", "PrintLogger", "TrainingModule"]
