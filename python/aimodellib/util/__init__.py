"""What a script may import: the protocols that it implements, and loggers."""

from .logging import PrintLogger
from .types import InferenceModule, Logger, Request, TrainingModule

__all__ = ["InferenceModule", "Logger", "PrintLogger", "Request", "TrainingModule"]
