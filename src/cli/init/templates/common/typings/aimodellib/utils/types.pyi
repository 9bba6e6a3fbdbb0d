from aimodellib.util.types import InferenceModule, Logger, Request, TrainingModule

__all__ = ["InferenceModule", "Logger", "Request", "TrainingModule"]
