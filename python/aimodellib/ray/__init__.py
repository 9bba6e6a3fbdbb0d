"""Runs the ``aimodellib`` executable on Ray: Serve deploys an archive, and Data predicts a data set with it.

``serve run aimodellib.ray:app archive=model.tar.gz model_dir=model`` deploys from the command line, :func:`app` from
Python, and :class:`Predict` is a function for ``Dataset.map_batches``. Ray itself is imported when it is needed.
"""

from ._app import app
from ._predict import Predict

__all__ = ["Predict", "app"]
