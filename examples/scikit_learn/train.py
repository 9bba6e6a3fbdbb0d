"""Tell malignant from benign tumours: a scikit-learn pipeline on the data set that scikit-learn ships."""

from __future__ import annotations

import argparse
import json
import os
from typing import TYPE_CHECKING

import joblib
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import classification_report
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

if TYPE_CHECKING:
    from aimodellib.utils import Logger


def train(
    model_dir: str,
    *args: str,
    tensor_board_enabled: bool = False,
    tensor_board_dir: str = "logs",
    logger: Logger | None = None,
) -> None:
    """Fit on three quarters of the data, and write ``model.joblib`` and ``metrics.json`` to ``model_dir``."""
    options = parse(args)
    say = print if logger is None else logger.log
    data = load_breast_cancer()
    x_train, x_test, y_train, y_test = train_test_split(
        data.data, data.target, test_size=0.25, stratify=data.target, random_state=0
    )
    say(f"Training on {len(x_train)} samples of {len(data.feature_names)} measurements, holding out {len(x_test)}")

    # Scaling belongs in the pipeline: it is fitted on training data only, and serving cannot forget it.
    pipeline = make_pipeline(StandardScaler(), LogisticRegression(C=options.c, max_iter=options.max_iter))
    pipeline.fit(x_train, y_train)

    classes = [str(name) for name in data.target_names]
    answers = pipeline.predict(x_test)
    report = classification_report(y_test, answers, target_names=classes, output_dict=True, zero_division=0)
    say(classification_report(y_test, answers, target_names=classes, zero_division=0))
    say(f"Held-out accuracy: {report['accuracy']:.4f}")

    os.makedirs(model_dir, exist_ok=True)
    path = os.path.join(model_dir, "model.joblib")
    joblib.dump({"pipeline": pipeline, "classes": classes}, path + ".tmp")
    os.replace(path + ".tmp", path)  # nobody ever loads half a model
    with open(os.path.join(model_dir, "metrics.json"), "w", encoding="utf-8") as file:
        json.dump(report, file, indent=2)


def parse(args: tuple[str, ...]) -> argparse.Namespace:
    """Read the training arguments; scikit-learn itself says what is wrong with a value of the right type."""
    parser = argparse.ArgumentParser(prog="train.py", description=__doc__)
    parser.add_argument("--c", type=float, default=1.0, help="inverse of regularization (default: %(default)s)")
    parser.add_argument("--max-iter", type=int, default=100, help="at most so many steps (default: %(default)s)")
    return parser.parse_args(args)
