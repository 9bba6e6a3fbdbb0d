"""Learn the species of irises from their measurements: `aimodellib train . train.py model`."""

from __future__ import annotations

import os
from typing import Any

import joblib
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


def train(model_dir: str) -> None:
    """Save a pipeline and the names of the species in `model.joblib`."""
    irises: Any = load_iris()
    x_train, x_test, y_train, y_test = train_test_split(irises.data, irises.target, random_state=0)
    pipeline = make_pipeline(StandardScaler(), LogisticRegression())
    pipeline.fit(x_train, y_train)
    print(f"Accuracy: {pipeline.score(x_test, y_test):.3f} of {len(x_test)} irises")
    model = {"pipeline": pipeline, "species": irises.target_names.tolist()}
    joblib.dump(model, os.path.join(model_dir, "model.joblib"))
