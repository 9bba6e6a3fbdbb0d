"""The bytecode that a worker writes."""

import pathlib
import shutil
import subprocess
import sys

import pytest
from supervisor import PACKAGE, Supervisor

from aimodellib._bridge import frames

SCRIPT = """
import beside
def load(model_dir): return model_dir
def deserialize(data, content_type): return data
def predict(data, model): return data
def serialize(data, accepted): return data, "text/plain"
"""


def stems(folder: pathlib.Path):
    return {path.name.split(".")[0] for path in folder.rglob("*.pyc")}


@pytest.mark.parametrize("prefixed", [False, True])
def test_a_worker_writes_bytecode_of_its_own_package_even_if_it_writes_none_of_the_script(tmp_path, monkeypatch, prefixed):
    prefix = tmp_path / "prefix"
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setenv("PYTHONPYCACHEPREFIX", str(prefix) if prefixed else "")
    package, module = tmp_path / "package", tmp_path / "module"
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    module.mkdir()
    (module / "beside.py").touch()
    with Supervisor(module, package=package) as supervisor:
        supervisor.receive()
        supervisor.start(SCRIPT)
        assert supervisor.receive()[0] == frames.READY
    assert stems(module) == set()
    assert stems(prefix) == set()
    written = stems(package)
    if prefixed:
        # The user has chosen a folder for bytecode, and that nothing is written.
        assert written == set()
    else:
        assert {"worker", "serve", "loader", "types"} <= written


def test_a_serving_worker_imports_only_modules_that_it_needs():
    program = (
        f"import sys; sys.path.insert(0, {str(PACKAGE)!r})\n"
        "from aimodellib._bridge import serve, worker\n"
        "print(*sys.modules)"
    )
    # Without -S, a package of the environment may import anything at the start.
    imported = set(subprocess.check_output([sys.executable, "-I", "-S", "-c", program], text=True).split())
    assert "aimodellib._bridge.serve" in imported
    assert imported & {"asyncio", "dataclasses", "shutil", "subprocess", "tempfile", "urllib.parse"} == set()


def test_a_script_runs_with_a_garbage_collector_that_ignores_the_modules_of_the_worker(tmp_path):
    (tmp_path / "beside.py").write_text(
        "import gc\nassert gc.isenabled()\n"
        "if hasattr(gc, 'freeze'): assert gc.get_freeze_count() > 10_000, gc.get_freeze_count()\n"
    )
    with Supervisor(tmp_path) as supervisor:
        supervisor.receive()
        supervisor.start(SCRIPT)
        frame = supervisor.receive()
    assert frame[0] == frames.READY, frame
