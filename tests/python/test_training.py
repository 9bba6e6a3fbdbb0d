"""Which functions ``train`` calls in a script, and why it refuses others: each script runs in the same process."""

import json
import pathlib
import subprocess
import sys

import pytest

PACKAGE = pathlib.Path(__file__).resolve().parents[2] / "python"

FORMS = {
    "takes nothing but model_dir": "def train(model_dir): print('trained')",
    "takes only keywords that it knows": "def train(d, *, tensor_board_dir): print('trained')",
    "takes **kwargs": "def train(d, *args, **kwargs): assert len(kwargs) == 3; print('trained')",
    "is a method of the one instance": "class T:\n  def train(self, d, logger=None): print('trained')\nt = T()",
    "is async": "import asyncio\nasync def train(d):\n  await asyncio.sleep(0.01)\n  print('trained')",
    "is an async method": "import asyncio\nclass T:\n  async def train(self, d, *args):\n"
    "    await asyncio.sleep(0)\n    print('trained')\nt = T()",
    "returns a coroutine": "async def fit(d): print('trained')\ndef train(d): return fit(d)",
    "is a generator that a decorator executes": "import functools\ndef run(f): return functools.wraps(f)(lambda d: list(f(d)))\n"
    "@run\ndef train(d):\n  print('trained')\n  yield",
    "returns a generator": "def train(d):\n  print('trained')\n  return (x for x in [])",
    "is a callable object": "class T:\n  def __call__(self, d): print('trained')\ntrain = T()",
    "is a partial": "import functools\ndef f(word, d): print(word)\ntrain = functools.partial(f, 'trained')",
}

FAULTS = {
    "imports what is not installed": ("import no_such_package", "import", "No module named 'no_such_package'"),
    "has no train": ("def fit(model_dir): pass", "check", "must define train()"),
    "has a train that is not a function": ("train = 3", "check", "its train is not a function"),
    "only has a class with train": ("class Trainer:\n  def train(self, d): pass\n", "check", "make an instance"),
    "has a train that takes no model_dir": ("def train(): pass", "check", "line 1: train() must be callable as train("),
    "has a train that is a generator": ("def train(d):\n  yield", "check", "line 1: train() contains 'yield'"),
    "has a train that is an async generator": ("async def train(d):\n  yield", "check", "train() contains 'yield'"),
    "is empty": ("", "check", "must define train()"),
}

RUN = """
import contextlib, io, json, sys
from aimodellib._bridge.train import Training

results = []
_, module, *scripts = sys.argv
for script in scripts:
    config = {
        "module": module, "script": script, "model_dir": "/model", "args": [],
        "tensor_board_enabled": False, "tensor_board_dir": "/logs",
    }
    training, error = Training(config), None
    with contextlib.redirect_stdout(io.StringIO()) as output:
        try:
            training.run()
        except Exception as raised:
            error = str(raised)
    results.append([output.getvalue(), training.stage, error])
print(json.dumps(results))
"""


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """The output, the last stage and the error of each script, by its description."""
    module = tmp_path_factory.mktemp("module")
    sources = {**FORMS, **{what: source for what, (source, _, _) in FAULTS.items()}}
    scripts = []
    for number, source in enumerate(sources.values()):
        scripts.append(module / f"script_{number}.py")
        scripts[-1].write_text(source)
    command = [sys.executable, "-c", RUN, str(module), *map(str, scripts)]
    done = subprocess.run(command, env={"PYTHONPATH": str(PACKAGE)}, stdout=subprocess.PIPE, check=True)
    return dict(zip(sources, json.loads(done.stdout)))


@pytest.mark.parametrize("what", FORMS)
def test_train_is_called_when_it(what, results):
    assert results[what] == ["trained\n", "train", None]


@pytest.mark.parametrize("what", FAULTS)
def test_a_script_is_refused_when_it(what, results):
    output, stage, error = results[what]
    _, expected_stage, message = FAULTS[what]
    assert (output, stage) == ("", expected_stage)
    assert message in error
