"""``pip install ./python``, which users run for their editors and type checkers."""

import os
import pathlib
import shutil
import subprocess
import sys

import pytest

PACKAGE = pathlib.Path(__file__).resolve().parents[2] / "python"

GOOD = """
from __future__ import annotations
from aimodellib.util.types import InferenceModule, TrainingModule
from aimodellib.utils import Logger, PrintLogger

def note(logger: Logger | None) -> None:
    (logger or PrintLogger()).log("a", 1, sep=", ", level=Logger.INFO)

def check(module: object) -> None:
    TrainingModule.validate(module)
    InferenceModule.validate(module)
"""
BAD = GOOD + "\nnote(3)\n"


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The folder into which pip has installed the package."""
    target = tmp_path_factory.mktemp("installed")
    # A build would leave a folder beside the sources.
    source = shutil.copytree(PACKAGE, tmp_path_factory.mktemp("source") / "python")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(target), str(source)]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    return target


def run(folder, *arguments):
    environment = {**os.environ, "PYTHONPATH": str(folder), "MYPYPATH": ""}
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder.parent, env=environment, capture_output=True, text=True, timeout=300
    )


def test_the_installed_package_can_be_imported_and_is_typed(installed):
    assert (installed / "aimodellib/py.typed").is_file()
    code = "import aimodellib.util, aimodellib.utils; assert aimodellib.util.Logger is aimodellib.utils.Logger"
    done = run(installed, "-c", code)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(("source", "code"), [(GOOD, 0), (BAD, 1)])
def test_mypy_reads_the_types_of_the_installed_package(installed, mypy_cache, tmp_path, source, code):
    script = tmp_path / "script.py"
    script.write_text(source)
    environment = {**os.environ, "MYPYPATH": str(installed)}
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", mypy_cache, str(script)]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == code, done.stdout
