"""Runs TensorBoard until its standard input closes, which the death of the starting process causes as well."""

from __future__ import annotations

import importlib.util
import os
import runpy
import signal
import sys
import threading

#: Exit code for "TensorBoard is not installed"; outside the ranges of shells and signals.
NOT_INSTALLED = 87


def main(arguments: list[str]) -> None:
    """Run TensorBoard with these arguments."""
    if importlib.util.find_spec("tensorboard") is None:
        sys.exit(NOT_INSTALLED)
    threading.Thread(target=_end_with_input, daemon=True).start()
    sys.argv = ["tensorboard", *arguments]
    runpy.run_module("tensorboard.main", run_name="__main__", alter_sys=True)


def _end_with_input() -> None:
    while os.read(0, 4096):
        pass
    os.killpg(os.getpgrp(), signal.SIGKILL)
