"""For scripts to import: the protocols that they implement, and loggers."""

from .logging import PrintLogger
from .types import InferenceModule, Logger, Request, TrainingModule

__all__ = ["InferenceModule", "Logger", "PrintLogger", "Request", "TrainingModule"]
