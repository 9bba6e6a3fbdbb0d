from aimodellib.util.logging import PrintLogger
from aimodellib.util.types import InferenceModule, Logger, Request, TrainingModule

__all__ = ["InferenceModule", "Logger", "PrintLogger", "Request", "TrainingModule"]
