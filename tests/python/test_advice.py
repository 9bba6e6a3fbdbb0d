"""Advice on exceptions about names and imports, and that giving it never raises."""

import json
import pathlib
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
PACKAGE = HERE.parents[1] / "python"
sys.path[:0] = [str(HERE), str(PACKAGE)]

from forking import Drivers
from pythons import pythons

from aimodellib._bridge.advice import advice_lines

MAIN = """
def main(config):
    from aimodellib._bridge.advice import advise
    from aimodellib._bridge.names import add_to_path, load_script
    config = json.loads(config)
    try:
        add_to_path(config["module"], config["script"])
        load_script(config["module"], config["script"]).load()
    except BaseException as error:
        print(json.dumps([type(error).__name__, advise(error, config)]))
"""

WHOLE = "\n".join(f"def {name}(*args): ..." for name in ("load", "deserialize", "predict", "serialize", "train"))


@pytest.fixture(scope="module")
def drivers(tmp_path_factory):
    with Drivers(tmp_path_factory.mktemp("drivers"), MAIN) as drivers:
        yield drivers


@pytest.fixture
def advice(tmp_path, drivers):
    """Import a script of a module, call its ``load``, and return the name of the exception with the advice."""

    def run(files, script="serve.py", mode="serve", python=sys.executable):
        for path, source in files.items():
            file = tmp_path / "module" / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(source) if isinstance(source, str) else file.write_bytes(source)
        module = str(tmp_path / "module")
        config = json.dumps({"mode": mode, "module": module, "script": f"{module}/{script}"})
        code, output, errors = drivers.of(python).run(config)
        assert code == 0, errors
        name, text = json.loads(output)
        return name, text.replace(str(tmp_path), "/tmp")

    return run


#: Pickles of an instance of ``__main__.Net``, in a protocol before 4 and in protocol 4.
PICKLES = {2: b"\x80\x02c__main__\nNet\n)\x81.", 4: b"\x80\x04\x8c\x08__main__\x8c\x03Net\x93)\x81."}


@pytest.mark.parametrize("python", pythons())
@pytest.mark.parametrize("protocol", PICKLES)
def test_a_class_of_the_main_program_is_explained(advice, python, protocol):
    loads = "import os, pickle\ndef load():\n  pickle.load(open(os.path.join(os.path.dirname(__file__), 'net.pkl'), 'rb'))"
    name, text = advice({"serve.py": WHOLE + "\n" + loads, "net.pkl": PICKLES[protocol]}, python=python)
    assert name == "AttributeError"
    assert text.startswith(". The artifact was pickled where Net was defined by the main program")
    assert text.endswith("`import __main__; __main__.Net = Net`")
    way_out = f"import __main__\nclass Net: ...\n__main__.Net = Net\n{loads}\n  raise SystemExit"
    name, _ = advice({"serve.py": WHOLE + "\n" + way_out}, python=python)
    assert name == "SystemExit"


def test_advice_on_a_request_consists_of_lines_for_the_log(monkeypatch):
    config = {"mode": "serve", "module": "/tmp", "script": "/tmp/serve.py"}
    monkeypatch.setattr("aimodellib._bridge.advice.served.config", config)
    found = AttributeError("Can't get attribute 'Nut' on <module '__main__' from 'worker'>")
    try:
        raise RuntimeError("Can't load") from found
    except RuntimeError as error:
        outer = error
    for error in (found, outer):
        assert advice_lines(error).startswith(b"\nThe artifact was pickled where Nut was defined by the main program")
    assert advice_lines(AttributeError("'NoneType' object has no attribute 'x'")) == b""
    assert advice_lines(ValueError("__main__")) == b""
    monkeypatch.setattr("aimodellib._bridge.advice.served.config", None)
    assert advice_lines(found) == b""


@pytest.mark.parametrize("python", pythons())
def test_a_relative_import_that_leads_out_of_the_module_is_explained(advice, python):
    _, text = advice({"serve.py": f"\nfrom .helpers import (\n  X,\n  Y as Z)\n{WHOLE}"}, python=python)
    assert text == (
        ". '/tmp/module/serve.py', line 2: `from .helpers import X, Y as Z` can't work: the module directory is not a"
        " package; write `from helpers import X, Y as Z`, or make the folder above it the module directory, and"
        " 'module/serve.py' the script (aimodellib serve /tmp module/serve.py)"
    )


@pytest.mark.parametrize(
    ("files", "script", "words"),
    [
        (
            {"serve.py": "import near", "near.py": "\nfrom . import other"},
            "serve.py",
            "'/tmp/module/near.py', line 2: `from . import other` can't work: the module directory is not a package;"
            " write `import other`",
        ),
        (
            {"sub/serve.py": "from ..other import X"},
            "sub/serve.py",
            "`from ..other import X` can't work: the module directory is not a package; write `from other import X`, or make"
            " the folder above it the module directory, and 'module/sub/serve.py' the script",
        ),
        (
            {"src/serve.py": "import prep", "src/prep.py": ""},
            "src/serve.py",
            "'prep' lies beside the script, in 'src', but modules are looked for in the module directory, '/tmp/module':"
            " write `from . import prep` or `from .prep import ...`, or make 'src' the module directory",
        ),
        (
            {"serve.py": "import sub.near", "sub/near.py": "from other.deep import X", "sub/other/__init__.py": ""},
            "serve.py",
            "'other' lies beside the script, in 'sub'",
        ),
        ({"src/serve.py": "import prep.deep", "src/prep/deep.py": ""}, "src/serve.py", "'prep' lies beside the script"),
        ({"serve.py": "import __mp_main__"}, "serve.py", "was pickled by a child process of a main program"),
        ({"serve.py": "import _aimodellib_script"}, "serve.py", "made by an earlier version"),
        ({"serve.py": "import aimodellib.script.json"}, "serve.py", "made by a script 'json'"),
        (
            {"serve.py": "from code import prep", "code/__init__.py": "", "code/prep.py": "from code import Nothing"},
            "serve.py",
            "the folder 'code' of the module has the name of a module of the standard library: rename it",
        ),
        (
            {"torch.py": "import torch\ntorch.nn"},
            "torch.py",
            "'/tmp/module/torch.py' has the name of the module 'torch' that it imports, and hides it: rename it",
        ),
        ({"torch.py": "from torch import nn"}, "torch.py", "has the name of the module 'torch' that it imports"),
        ({"torch.py": "import torch.nn"}, "torch.py", "has the name of the module 'torch' that it imports"),
        (
            {"serve.py": "import statistics\nstatistics.mean", "statistics.py": ""},
            "serve.py",
            "statistics.py",
        ),
        (
            {"serve.py": "try:\n  from .near import X\nexcept ImportError as error:\n  raise RuntimeError('no') from error"},
            "serve.py",
            "`from .near import X` can't work",
        ),
    ],
)
def test_missing_names_and_failed_imports_are_explained(advice, files, script, words):
    files = {path: f"{source}\n{WHOLE}" if path == script else source for path, source in files.items()}
    _, text = advice(files, script)
    assert words.lower() in text.lower() or (words == "statistics.py" and sys.version_info >= (3, 13))


def test_a_script_of_another_server_is_recognized_when_its_package_is_missing(advice):
    source = "from ts.torch_handler.base_handler import BaseHandler\nclass H(BaseHandler):\n  def inference(self, d): ..."
    name, text = advice({"serve.py": source})
    assert name == "ModuleNotFoundError"
    assert text.startswith(". '/tmp/module/serve.py' must define load(), deserialize(), predict(), serialize(); it looks like")
    assert "a TorchServe handler: inference(d), line 3, becomes predict(data, model)" in text


@pytest.mark.parametrize(
    "source",
    [
        f"try:\n  import no_such_module\nexcept ImportError:\n  raise ValueError\n{WHOLE}",
        f"raise ValueError('attempted relative import')\n{WHOLE}",
        f"raise KeyboardInterrupt\n{WHOLE}",
        f"class Bad(Exception):\n  def __str__(self): raise RuntimeError\nraise Bad\n{WHOLE}",
        f"def f(): f()\nf()\n{WHOLE}",
        f"import sys; sys.modules['ast'] = sys.modules['re'] = None; import ast\n{WHOLE}",
        f"x = '{'x' * 600_000}'\nraise ImportError\n",
        "import no_such_module\n" + "(" * 1000,
    ],
)
def test_other_exceptions_get_no_advice_and_nothing_is_raised(advice, source):
    assert advice({"serve.py": source})[1] == ""


@pytest.mark.parametrize("mode", ["serve", "train"])
@pytest.mark.parametrize("name", ["nowhere_to_be_found", "nowhere_to_be_found.inner"])
def test_advice_names_the_python_and_both_ways_to_give_it_a_package_that_it_lacks(advice, name, mode):
    kind, text = advice({"serve.py": f"import {name}\n{WHOLE}"}, mode=mode)
    assert kind == "ModuleNotFoundError"
    assert text == (
        f". The Python that runs the script, '{sys.executable}', has no 'nowhere_to_be_found': add the package that provides"
        " it to the module's requirements.txt, which installs it, or choose another Python with --python"
    )


def test_an_installed_package_that_lacks_a_module_gets_no_advice_to_install_it(advice):
    assert advice({"serve.py": f"import json.nowhere_to_be_found\n{WHOLE}"}) == ("ModuleNotFoundError", "")


def test_advice_names_the_python_that_lacks_a_package_which_a_module_of_the_script_imports(advice):
    files = {"serve.py": f"import helper\n{WHOLE}", "helper.py": "import nowhere_to_be_found"}
    kind, text = advice(files)
    assert kind == "ModuleNotFoundError"
    assert "has no 'nowhere_to_be_found'" in text
