"""Linters and type checkers find no fault in the files of ``aimodellib init``, without installed packages."""

import os
import pathlib
import shutil
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
TEMPLATES = ROOT / "src" / "cli" / "init" / "templates"
STUBS = TEMPLATES / "common" / "typings"
NAMES = ("plain", "scikit-learn", "pytorch", "stream")
#: The package that a template's scripts import; the other templates import none.
NEEDS = {"scikit-learn": "sklearn", "pytorch": "torch"}
#: Appended to the configuration of the template for PyTorch: two thirds of its modules, which no file of the template uses, and which
#: would double the time of the test.
SKIPPED = """
[[tool.mypy.overrides]]
module = [
  "torch._decomp.*", "torch._dynamo.*", "torch._export.*", "torch._functorch.*", "torch._higher_order_ops.*", "torch._inductor.*",
  "torch._meta_registrations", "torch._numpy.*", "torch._prims.*", "torch._prims_common.*", "torch._refs.*", "torch._subclasses.*",
  "torch.ao.*", "torch.compiler.*", "torch.distributed.*", "torch.export.*", "torch.fx.*", "torch.onnx.*", "torch.package.*",
  "torch.testing.*",
]
follow_imports = "skip"
"""
#: Shows that the types that the template uses are known nevertheless: mypy rejects Any here.
KNOWN = """
import torch
from typing_extensions import assert_type

from network import Network, best_device

assert_type(best_device(), torch.device)
assert_type(torch.as_tensor([1]).to("cpu"), torch.Tensor)
assert_type(torch.sigmoid(torch.zeros(1)), torch.Tensor)
assert_type(next(Network().eval().parameters()), torch.nn.Parameter)
assert_type(torch.optim.Adam(Network().parameters()), torch.optim.Adam)
"""


def run(*command, cwd, **env):
    return subprocess.run(command, cwd=cwd, env={**os.environ, **env}, capture_output=True, text=True)


def test_the_templates_are_those_of_the_command():
    assert {entry.name for entry in TEMPLATES.iterdir() if entry.is_dir()} - {".ruff_cache"} == {"common", *NAMES}


@pytest.mark.parametrize("command", [("check",), ("format", "--check")], ids=" ".join)
def test_ruff_finds_no_fault(command):
    result = run(sys.executable, "-m", "ruff", *command, "--no-cache", ".", cwd=TEMPLATES)
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_templates_work_with_python_3_8():
    vermin = pathlib.Path(sys.executable).with_name("vermin")
    folders = [TEMPLATES / name for name in NAMES]
    result = run(vermin, "-t=3.8-", "--no-tips", "--violations", *folders, cwd=ROOT)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("name", NAMES)
def test_mypy_finds_all_types_in_the_files_of_init(name, tmp_path, mypy_cache):
    if name in NEEDS:
        pytest.importorskip(NEEDS[name])
    module = tmp_path / "module"
    shutil.copytree(TEMPLATES / "common", module)
    shutil.copytree(TEMPLATES / name, module, dirs_exist_ok=True)
    if name == "pytorch":
        with (module / "pyproject.toml").open("a") as file:
            file.write(SKIPPED)
        (module / "known.py").write_text(KNOWN)
    # No other test needs PyTorch's modules, and writing them into a cache takes seconds.
    cache = "/dev/null" if name == "pytorch" else mypy_cache
    result = run(sys.executable, "-m", "mypy", "--cache-dir", cache, cwd=module)
    assert result.returncode == 0, result.stdout + result.stderr
    if name != "plain":
        return
    # The checker must know the types rather than treat them as Any.
    (module / "wrong.py").write_text("from aimodellib.io import serialize\nserialize(1, accepted=2)\n")
    result = run(sys.executable, "-m", "mypy", "--cache-dir", mypy_cache, cwd=module)
    assert 'wrong.py:2: error: Argument "accepted" to "serialize" has incompatible type "int"' in result.stdout


def test_the_stubs_match_the_package(tmp_path):
    allowed = tmp_path / "allowed"
    # Modules that no script imports need no stubs.
    allowed.write_text("aimodellib\\.__main__\naimodellib\\._bridge.*\naimodellib\\.ray.*\naimodellib\\.script.*\naimodellib\\.util\\.(message|request).*\n")
    command = (sys.executable, "-m", "mypy.stubtest", "--ignore-unused-allowlist", "--allowlist", str(allowed))
    result = run(*command, "aimodellib", cwd=tmp_path, MYPYPATH=str(STUBS), PYTHONPATH=str(ROOT / "python"))
    assert result.returncode == 0, result.stdout + result.stderr
