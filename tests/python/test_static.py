"""Type checkers and linters find no fault in the Python package, and it needs only the oldest supported Python."""

import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "python" / "aimodellib"


def run(*command: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-m", *command], cwd=ROOT / "python", capture_output=True, text=True)


@pytest.mark.parametrize(
    "command",
    [
        ("mypy", "--strict", "aimodellib"),
        ("ruff", "check", "."),
        ("ruff", "format", "--check", "."),
    ],
    ids=" ".join,
)
def test_linters_and_type_checkers_find_no_fault(command, mypy_cache):
    result = run(*command, *(("--cache-dir", mypy_cache) if command[0] == "mypy" else ()))
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_package_works_with_python_3_8():
    vermin = pathlib.Path(sys.executable).with_name("vermin")
    command = [vermin, "-t=3.8-", "--no-tips", "--violations", PACKAGE]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
