"""The check of scripts without running them: what is refused with which message, and what is accepted in doubt."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "python"))

from aimodellib._bridge.check import Place, check
from aimodellib._bridge.demands import BATCH, METADATA, SERVE, TRAIN

LOAD = "def load(model_dir, logger=None): ...\n"
DESERIALIZE = "def deserialize(data, content_type='x', logger=None): ...\n"
PREDICT = "def predict(data, model): ...\n"
SERIALIZE = "def serialize(data, accepted): ...\n"
WHOLE = LOAD + DESERIALIZE + PREDICT + SERIALIZE
CLASS = "class Service:\n" + "".join(
    f"  def {name}: ...\n"
    for name in ("load(self, d)", "deserialize(self, d, c)", "predict(self, d, m)", "serialize(self, d, a)")
)


def problems(source, demands=SERVE, neighbours=(), optional=(BATCH, METADATA)):
    return check(source.encode(), "serve.py", demands, frozenset(neighbours), optional).problems


@pytest.mark.parametrize(
    "source",
    [
        WHOLE,
        WHOLE.replace("def ", "async def "),
        "if True:\n" + "".join(f"  {line}\n" for line in WHOLE.splitlines()),
        "try:\n  from fast import predict\nexcept ImportError:\n  " + PREDICT + LOAD + DESERIALIZE + SERIALIZE,
        "from elsewhere import *",
        "def __getattr__(name): ...",
        "globals().update(make())",
        LOAD + DESERIALIZE + SERIALIZE + "predict = lambda data, model: data",
        LOAD + DESERIALIZE + SERIALIZE + "@decorated\ndef predict(only): ...",
        LOAD + DESERIALIZE + SERIALIZE + "def predict(*args, **kwargs): ...",
        LOAD + SERIALIZE + PREDICT + "def deserialize(data, *, content_type, logger): ...",
        LOAD + SERIALIZE + PREDICT + "def predict(): ...\n" + DESERIALIZE,
        "def make():\n  global load, deserialize, predict, serialize",
        CLASS + "service = Service()",
        CLASS + "class Mine(Service):\n  def load(self, d, logger): ...\nservice = Mine()",
        "class Service(Base): ...\nservice = Service()",
        "from library import Service\nservice = Service()",
        "import library\nservice = library.sub.Service()",
        "service = make_of_nowhere()",
        "def make(): ...\nservice = make()",
        "from .near import service",
        WHOLE + "def predict_batch(data, model): ...\ndef v2_metadata(model): ...",
        WHOLE + "predict_batch = v2_metadata = None",
        WHOLE + "if fast:\n  def predict_batch(): ...\nelse:\n  def predict_batch(data, model): ...",
    ],
)
def test_a_script_that_may_work_is_accepted(source):
    assert problems(source) == []


def test_an_instance_from_a_module_beside_the_script_is_accepted_and_one_from_elsewhere_is_not():
    assert problems("from near import service", neighbours=["near"]) == []
    assert problems("from sklearn.datasets import load_digits", neighbours=["near"]) != []


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (
            "def predict(:",
            f"'serve.py', line 1: invalid syntax (as Python {sys.version_info[0]}.{sys.version_info[1]} reads it)",
        ),
        ("x = 1", "'serve.py' must define load(), deserialize(), predict(), serialize()"),
        (
            LOAD + DESERIALIZE + SERIALIZE + "def predit(data, model): ...",
            "'serve.py' must define predict(); it defines only load, deserialize, serialize; line 4 defines predit()"
            " in place of predict()",
        ),
        (
            LOAD + DESERIALIZE + SERIALIZE + "predict = 3",
            "'serve.py' must define predict(); it defines only load, deserialize, serialize;"
            " its predict, line 4, is not a function",
        ),
        (
            LOAD + DESERIALIZE + SERIALIZE + "\ndef predict(data, *, how='x', top=1 + 1): ...",
            "'serve.py', line 5: predict(data, *, how='x', top=...) must be callable as"
            " predict(data, model, logger=None)",
        ),
        (
            "if __name__ == '__main__':\n  def load(d): ...",
            "'serve.py' must define load(), deserialize(), predict(), serialize()",
        ),
        (
            CLASS,
            "'serve.py' must define load(), deserialize(), predict(), serialize();"
            " its class Service, line 1, does: make an instance of it in the script",
        ),
        (
            CLASS.replace("predict(self, d, m)", "predict(self, d)") + "s = Service()",
            "'serve.py', line 4: predict(d) must be callable as predict(data, model, logger=None)",
        ),
        (
            WHOLE + "def predict_batch(data): ...",
            "'serve.py', line 5: predict_batch(data) must be callable as predict_batch(data, model, logger=None)",
        ),
        (
            CLASS + "  def v2_metadata(self): ...\ns = Service()",
            "'serve.py', line 6: v2_metadata() must be callable as v2_metadata(model)",
        ),
        (
            "import numpy as np\nimport logging\nlog = logging.getLogger()\nrng = np.random.default_rng()",
            "'serve.py' must define load(), deserialize(), predict(), serialize()",
        ),
        (
            "class Service:\n  def load(self, d): ...\ns = Service()",
            "'serve.py' must define load(), deserialize(), predict(), serialize()",
        ),
    ],
)
def test_a_script_that_cannot_work_is_refused_with_its_line(source, expected):
    assert problems(source) == [expected]


@pytest.mark.parametrize(
    "parameters", ["model_dir", "model_dir, epochs", "model_dir, a, b, c=1", "*args", "model_dir, *a, **k"]
)
def test_a_training_script_may_take_arguments(parameters):
    assert problems(f"def train({parameters}): ...", TRAIN) == []


@pytest.mark.parametrize("parameters", ["", "*, model_dir", "model_dir, *, epochs"])
def test_a_training_script_must_be_callable(parameters):
    [problem] = problems(f"\ndef train({parameters}): ...", TRAIN)
    assert problem.startswith(f"'serve.py', line 2: train({parameters}) must be callable as train(model_dir, *args, ")


@pytest.mark.parametrize(
    ("source", "unrelated"), [("x = 1", True), ("load = 1", False), (LOAD, False), (WHOLE, False), ("def x(:", False)]
)
def test_a_script_for_another_purpose_is_recognized(source, unrelated):
    assert check(source.encode(), "serve.py", SERVE, frozenset()).unrelated is unrelated


@pytest.mark.parametrize(("name", "count"), [("serve.txt", 1), ("serve", 1), ("serve.pyc", 0)])
def test_only_python_source_is_checked(name, count):
    assert len(check(b"\0", name, SERVE, frozenset()).problems) == count


@pytest.mark.parametrize("source", [b"\0", b"\xff\xfe", b"# coding: no-such\n", b"(" * 100_000, b"-" * 100_000 + b"1"])
def test_invalid_source_does_not_crash(source):
    check(source, "serve.py", SERVE, frozenset())


def test_other_encodings_and_byte_order_marks_are_read():
    assert problems("\ufeff" + WHOLE) == []
    source = b"# coding: latin-1\n# \xe9\n" + WHOLE.encode()
    assert check(source, "serve.py", SERVE, frozenset()).problems == []


def relative(source, script="serve.py", module="folder"):
    return check((source + "\n" + WHOLE).encode(), script, SERVE, frozenset(), (), Place(script, module)).problems


@pytest.mark.parametrize(
    ("source", "script", "ways"),
    [
        ("from .near import X", "serve.py", "write `from near import X`, or make the folder above it the module directory"),
        ("from . import near, far as f", "my-serve.py", "write `import near, far as f`, or make the folder above"),
        ("from ..near import X", "sub/serve.py", "write `from near import X`, or make the folder above"),
        ("from ... import near", "sub/serve.py", "make the folder above it the module directory"),
        ("from .. import near", "sub/__init__.py", "write `import near`"),
    ],
)
def test_a_relative_import_that_leads_out_of_the_module_is_refused(source, script, ways):
    [problem] = relative("import os\n" + source, script)
    assert problem.startswith(f"'{script}', line 2: `{source}` can't work: the module directory is not a package; {ways}")
    assert problem.endswith(f"and 'folder/{script}' the script")
    assert "folder" not in relative(source, script, "")[0].replace("the folder above", "")


@pytest.mark.parametrize(
    ("source", "script"),
    [
        ("from . import near", "sub/serve.py"),
        ("from ..near import X", "sub/deep/serve.py"),
        ("try:\n  from .near import X\nexcept ImportError:\n  from near import X", "serve.py"),
        ("if __package__:\n  from .near import X", "serve.py"),
        ("def f():\n  from .near import X", "serve.py"),
        ("__package__ = 'near'\nfrom .near import X", "serve.py"),
        ("from .near import X", "json.py"),
        ("from .. import near", "code/serve.py"),
        ("from .near import X", "serve.v2.py"),
    ],
)
def test_a_relative_import_that_may_work_is_not_refused(source, script):
    assert relative(source, script) == []


def beside(source, script="src/serve.py", neighbours=("src",)):
    place = Place(script, "folder", frozenset({"prep", "json", "other"}))
    return check((source + "\n" + WHOLE).encode(), script, SERVE, frozenset(neighbours), (), place).notices


@pytest.mark.parametrize("source", ["import prep", "import os, prep.deep as p", "from prep import X", "from prep.deep import X"])
def test_imports_of_modules_beside_a_script_in_a_subfolder_are_reported(source):
    [notice] = beside(f"\n{source}\nimport prep")
    assert notice.startswith("'src/serve.py', line 2: 'prep' lies beside the script, in 'src', but modules are looked for")
    assert notice.endswith("`from . import prep` or `from .prep import ...`, or make 'src' the module directory")


@pytest.mark.parametrize(
    ("source", "script", "neighbours"),
    [
        ("import prep", "serve.py", ("prep",)),
        ("import prep", "src/serve.py", ("src", "prep")),
        ("import json, elsewhere", "src/serve.py", ("src",)),
        ("from . import prep", "src/serve.py", ("src",)),
        ("try:\n  import prep\nexcept ImportError: ...", "src/serve.py", ("src",)),
        ("import sys\nsys.path.append('src')\nimport prep", "src/serve.py", ("src",)),
    ],
)
def test_other_imports_are_not_reported(source, script, neighbours):
    assert beside(source, script, neighbours) == ()
