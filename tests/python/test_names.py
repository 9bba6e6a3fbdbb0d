"""The names of scripts, by which pickles, child processes, other modules and later runs find them."""

import os
import sys

import pytest
from forking import Drivers
from pythons import pythons

MAIN = """
def main(folder, path, *pairs):
    sys.dont_write_bytecode = False
    from aimodellib._bridge.names import add_to_path, load_script
    add_to_path(folder, path)
    script = load_script(folder, path)
    for args in zip(pairs[::2], pairs[1::2]) if pairs else [()]:
        print(script.run(*args))
"""

SCRIPT = """
import pickle
class Net:
    value = 7
def square(number):
    return number * number
def run(what, path):
    if what == "save":
        with open(path, "wb") as file:
            pickle.dump(Net(), file)
        return __name__
    if what == "load":
        with open(path, "rb") as file:
            return pickle.load(file).value
    import multiprocessing
    with multiprocessing.get_context(what).Pool(1) as pool:
        return pool.map_async(square, range(3)).get(60)
if __name__ == "__main__":
    raise AssertionError("this is not the main program")
"""

#: Paths of scripts in their module directory, and the names under which they are imported.
NAMES = {
    "train.py": "train",
    "train-model.py": "train-model",
    "01_train.py": "01_train",
    "my train.py": "my train",
    "trän.py": "trän",
    "class.py": "class",
    "sub/train.py": "sub.train",
    "my-code/train.py": "my-code.train",
    "test.py": "test",
    "train.v2.py": "aimodellib.script.train%2Ev2",
    "v1.0/train.py": "aimodellib.script.v1%2E0.train",
    "json.py": "aimodellib.script.json",
    "random.py": "aimodellib.script.random",
    "types.py": "aimodellib.script.types",
    "code.py": "aimodellib.script.code",
    "code/train.py": "aimodellib.script.code.train",
    "platform/train.py": "aimodellib.script.platform.train",
    "aimodellib.py": "aimodellib.script.aimodellib",
}


@pytest.fixture(scope="module")
def drivers(tmp_path_factory):
    with Drivers(tmp_path_factory.mktemp("drivers"), MAIN) as drivers:
        yield drivers


@pytest.fixture
def module(tmp_path, drivers):
    return Module(tmp_path, drivers)


class Module:
    """A module directory, and drivers that act like the bridge."""

    def __init__(self, folder, drivers):
        self.folder = folder / "module"
        self.folder.mkdir()
        self.drivers = drivers

    def file(self, path, source=""):
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(source, encoding="utf-8")
        return file

    def edit_at_once(self, path, source, made):
        """Change a file whose bytecode exists, as if all three had been written within the same moment."""
        file = self.folder / path
        second = int(file.stat().st_mtime) * 10**9
        file.write_text(source)
        os.utime(file, ns=(second, second + 7 * 10**8))
        for bytecode in file.parent.glob(f"__pycache__/{file.stem}.*"):
            os.utime(bytecode, ns=(second, second + made * 10**8))

    def run(self, script, *args, python=sys.executable, folder=None):
        """Import a script of this directory and call its ``run`` with each two arguments; return the results as lines."""
        code, output, errors = self.drivers.of(python).run(folder or self.folder, self.folder / script, *args)
        assert code == 0, errors
        return output.strip()


@pytest.mark.parametrize("name", NAMES)
def test_a_script_has_a_name_by_which_import_finds_it(module, tmp_path, name):
    module.file(name, SCRIPT)
    assert module.run(name, "save", tmp_path / "net.pkl") == NAMES[name]
    assert module.run(name, "load", tmp_path / "net.pkl") == "7"


@pytest.mark.parametrize("name", NAMES)
def test_another_script_loads_what_a_script_pickled(module, tmp_path, name):
    module.file(name, SCRIPT)
    module.file("serve.py", SCRIPT)
    module.run(name, "save", tmp_path / "net.pkl")
    assert module.run("serve.py", "load", tmp_path / "net.pkl") == "7"


@pytest.mark.parametrize("name", NAMES)
def test_child_processes_find_a_script(module, name):
    module.file(name, SCRIPT)
    assert module.run(name, "spawn", "") == "[0, 1, 4]"


@pytest.mark.parametrize("python", pythons())
@pytest.mark.parametrize("name", ["train-model.py", "train.v2.py", "random.py", "types.py", "code/train.py"])
def test_child_processes_find_a_script_with_each_available_python(module, tmp_path, name, python):
    module.file(name, SCRIPT)
    calls = ("save", tmp_path / "net.pkl", "spawn", "", "forkserver", "")
    assert module.run(name, *calls, python=python).split("\n") == [NAMES[name], "[0, 1, 4]", "[0, 1, 4]"]
    assert module.run(name, "load", tmp_path / "net.pkl", python=python) == "7"


def test_a_script_outside_its_module_is_found(module, tmp_path):
    module.file("scripts/train.py", SCRIPT)
    module.file("code/near.py")
    options = {"folder": module.folder / "code"}
    assert module.run("scripts/train.py", "save", tmp_path / "net.pkl", **options) == "aimodellib.script.train"
    assert module.run("scripts/train.py", "load", tmp_path / "net.pkl", **options) == "7"
    assert module.run("scripts/train.py", "spawn", "", **options) == "[0, 1, 4]"


def test_a_script_whose_package_cannot_be_imported_is_found(module):
    module.file("sub/__init__.py", "import no_such_module")
    module.file("sub/train.py", SCRIPT)
    assert module.run("sub/train.py", "spawn", "") == "[0, 1, 4]"


def test_a_package_may_be_the_script(module):
    module.file("sub/__init__.py", "from .near import run")
    module.file("sub/near.py", "def run(): return __name__")
    assert module.run("sub/__init__.py") == "sub.near"


def test_pickles_of_earlier_versions_load_in_the_same_script(module, tmp_path):
    module.file("train-model.py", SCRIPT)
    (tmp_path / "net.pkl").write_bytes(b"c_aimodellib_script\nNet\n)\x81.")
    assert module.run("train-model.py", "load", tmp_path / "net.pkl") == "7"


@pytest.mark.parametrize("folder", ["code", "platform", "json", "queue", "test"])
@pytest.mark.parametrize("initial", [None, "", "from .prep import Y"])
@pytest.mark.parametrize("how", ["from . import prep", "from {} import prep", "import {0}.prep as prep"])
def test_a_folder_with_the_name_of_a_standard_module_belongs_to_the_script(module, folder, initial, how):
    if initial is not None:
        module.file(f"{folder}/__init__.py", initial)
    module.file(f"{folder}/prep.py", "Y = 2")
    module.file(f"{folder}/serve.py", how.format(folder) + "\ndef run(): return prep.Y")
    assert module.run(f"{folder}/serve.py") == "2"
    if "{" in how:
        module.file("serve.py", how.format(folder) + "\ndef run(): return prep.Y")
        assert module.run("serve.py") == "2"


def test_modules_in_such_a_folder_are_imported_once(module):
    module.file("code/deep/prep.py", "Y = 2")
    module.file(
        "code/serve.py",
        "from .deep import prep\nimport code.deep.prep, importlib\n"
        "def run(): return code.deep.prep is prep, importlib.reload(prep).__name__",
    )
    assert module.run("code/serve.py") == "(True, 'aimodellib.script.code.deep.prep')"


def test_a_name_in_such_a_package_is_found(module):
    module.file("platform/__init__.py", "class Mine: value = 3")
    module.file("serve.py", "import platform\nfrom platform import Mine\ndef run(): return Mine.value, platform.system()")
    assert module.run("serve.py") == "(3, 'Linux')"


@pytest.mark.parametrize("files", [["code.py"], ["random.py"], ["types.py"], ["code/serve.py"], ["platform/serve.py"]])
def test_the_standard_library_keeps_working(module, files):
    source = (
        "import code, pdb, platform, random, subprocess, sys, tempfile, types\n"
        "def run():\n"
        "  code.InteractiveConsole, random.random(), types.ModuleType, platform.system()\n"
        "  check = 'import code, pdb, random, tempfile, types; code.InteractiveConsole, types.ModuleType; print(1)'\n"
        "  return subprocess.check_output([sys.executable, '-c', check], text=True).strip()\n"
    )
    for file in files:
        module.file(file, source)
    assert module.run(files[0]) == "1"


@pytest.mark.parametrize("python", pythons())
@pytest.mark.parametrize("folder", [".", "lib"])
def test_no_file_replaces_a_standard_module_that_is_imported_late(module, folder, python):
    names = "ast, dis, inspect, opcode, platform, token, tokenize"
    for name in names.split(", "):
        module.file(f"{folder}/{name}.py", "raise AssertionError('not the standard library')")
    module.file(
        "serve.py",
        f"import os, sys\nsys.path.insert(0, os.path.join(os.path.dirname(__file__), '{folder}'))\nimport {names}\n"
        "def run(): return inspect.isawaitable(1), platform.system()",
    )
    assert module.run("serve.py", python=python) == "(False, 'Linux')"


@pytest.mark.parametrize("neighbour", ["types.py", "socket.py", "enum/__init__.py"])
def test_child_processes_start_beside_a_file_with_a_name_of_the_standard_library(module, neighbour):
    module.file(neighbour, "raise AssertionError('not the standard library')")
    module.file("train.py", SCRIPT)
    assert module.run("train.py", "spawn", "") == "[0, 1, 4]"


@pytest.mark.parametrize("python", pythons())
def test_edits_of_the_same_length_within_a_second_are_seen(module, python):
    files = {name: name for name in NAMES if name not in ("aimodellib.py", "types.py")}
    files.update({"helper.py": "uses.py", "package/part.py": "uses.py"})
    module.file("uses.py", "import helper, package.part\ndef run(): return helper.run() * package.part.run()")
    for edited, script in files.items():
        for each in ("helper.py", "package/part.py"):
            module.file(each, "def run(): return 1")
        module.file(edited, "def run(): return 1")
        assert module.run(script, python=python) == "1"
        # The clock for files advances in steps, so the bytecode may be as old as the file.
        for value, made in ("2", 5), ("3", 7), ("4", 19):
            module.edit_at_once(edited, f"def run(): return {value}", made)
            assert module.run(script, python=python) == value, edited
            assert module.run(script, python=python) == value, edited


def test_bytecode_that_can_not_be_older_than_its_file_is_used(module):
    earlier, built = (module.file(name, "def run(): return 1") for name in ("earlier.py", "built.py"))
    os.utime(earlier, (1000, 1000))
    for file in (earlier, built):
        module.run(file.name)
        (bytecode,) = file.parent.glob(f"__pycache__/{file.stem}.*")
        if file is built:
            # Some tools that build images give all files the same time.
            second = int(built.stat().st_mtime)
            for each in (bytecode, built):
                os.utime(each, (second, second))
        made = bytecode.stat().st_mtime_ns
        module.run(file.name)
        assert bytecode.stat().st_mtime_ns == made, file
