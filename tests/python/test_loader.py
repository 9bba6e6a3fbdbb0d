"""How scripts are imported, which functions they must have, and how these are called."""

import functools
import pathlib
import re
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "python"))

from aimodellib._bridge import loader
from aimodellib._bridge.demands import Demand
from aimodellib._bridge.loader import ScriptError, adapt, find_implementation, is_async, streams_async
from aimodellib._bridge.names import load_script

SERVE = ("load", "predict")


@pytest.fixture
def load(tmp_path, monkeypatch):
    """Load a script with this source."""
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    before = set(sys.modules)

    def load_source(source, name="script_of_a_test.py"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source, encoding="utf-8")
        return load_script(str(tmp_path), str(path))

    yield load_source
    for name in set(sys.modules) - before:
        del sys.modules[name]


def test_a_script_is_imported_under_the_name_by_which_import_finds_it(load):
    module = load("import sys\nsame = sys.modules[__name__]")
    assert module.__name__ == "script_of_a_test"
    assert module.same is module


def test_a_script_in_a_package_is_imported_as_a_module_of_it(load, tmp_path):
    (tmp_path / "package_of_a_test").mkdir()
    (tmp_path / "package_of_a_test/__init__.py").touch()
    (tmp_path / "package_of_a_test/near.py").write_text("VALUE = 7")
    assert load("from .near import VALUE", "package_of_a_test/script.py").VALUE == 7


def test_a_script_must_end_in_py(load):
    with pytest.raises(ScriptError, match="does not end in .py"):
        load("x = 1", "script.txt")


def test_functions_of_the_module_are_found(load):
    module = load("def load(d): ...\ndef predict(d, m): ...")
    assert find_implementation(module, SERVE) is module


def test_a_single_instance_is_found_under_all_of_its_names(load):
    module = load("class M:\n def load(self, d): ...\n def predict(self, d, m): ...\nmodel = other = M()")
    assert find_implementation(module, SERVE) is module.model


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("x = 1", r"'.*script_of_a_test.py' must define load\(\), predict\(\)$"),
        ("def load(d): ...", r"must define predict\(\); it defines only load$"),
        ("load = 1\ndef predict(d, m): ...", r"must define load\(\); it defines only predict; its load is not a function$"),
        (
            "class M:\n def load(self, d): ...\n def predict(self, d, m): ...",
            r"; its class M does: make an instance of it in the script \(model = M\(\)\)$",
        ),
        (
            "class M:\n def load(self, d): ...\n def predict(self, d, m): ...\na, b = M(), M()",
            r"; 2 of its objects do, and there must be only one$",
        ),
    ],
)
def test_an_error_names_missing_functions(load, source, message):
    with pytest.raises(ScriptError, match=message):
        find_implementation(load(source), SERVE)


class Owner:
    def __init__(self, function):
        self.function = function


def call(function, *args):
    """Call the function as the bridge calls ``deserialize``."""
    demand = Demand("function", ("data", "content_type"), ("logger",), "usage(...)")
    adapted = adapt(Owner(function), demand, demand.passed, {"logger": "L"})
    return adapted(*args)


async def with_await(data, content_type, logger):
    return data, content_type, logger


class Callable:
    async def __call__(self, data, content_type):
        return data, content_type


def plain(data, content_type):
    return data, content_type


async def parts(data, content_type):
    yield data


def passed_on(function):
    """Decorate like a timer or a cache: what the function returns, a coroutine maybe, is returned."""
    return functools.wraps(function)(lambda *args, **named: function(*args, **named))


def made_async(function):
    """Decorate like those who have a thread or a pool execute a plain function."""

    @functools.wraps(function)
    async def wrapper(*args):
        return function(*args)

    return wrapper


def made_parts(function):
    @functools.wraps(function)
    async def wrapper(*args):
        yield function(*args)

    return wrapper


def run_to_end(function):
    """Decorate like those who call a coroutine function from plain code."""
    import asyncio

    return functools.wraps(function)(lambda *args, **named: asyncio.run(function(*args, **named)))


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda data, content_type: (data, content_type), (1, 2)),
        (lambda data, content_type, logger=None: (data, content_type, logger), (1, 2, "L")),
        (lambda data, content_type="x", *, logger: (data, content_type, logger), (1, 2, "L")),
        (lambda data, *, content_type: (data, content_type), (1, 2)),
        (lambda data, *, content_type, logger=None: (data, content_type, logger), (1, 2, "L")),
        (lambda *args: args, (1, 2)),
        (lambda *args, **kwargs: (args, kwargs), ((1, 2), {"logger": "L"})),
        (lambda a, b, c=3: (a, b, c), (1, 2, 3)),
        (with_await, (1, 2, "L")),
        (Callable(), (1, 2)),
        (passed_on(plain), (1, 2)),
        (passed_on(with_await), (1, 2, "L")),
        (made_async(plain), (1, 2)),
        (passed_on(made_async(plain)), (1, 2)),
        (run_to_end(with_await), (1, 2, "L")),
        (max, 2),
    ],
)
def test_functions_are_called_with_the_arguments_that_they_accept(function, expected):
    assert call(function, 1, 2) == expected


@pytest.mark.parametrize(
    "function",
    [lambda: 0, lambda data: 0, lambda data, content_type, more: 0, lambda *, data, content_type: 0],
)
def test_functions_that_cannot_be_called_are_refused_with_file_and_line(function):
    line = function.__code__.co_firstlineno
    place = re.escape(f"'{__file__}', line {line}: function(")
    with pytest.raises(ScriptError, match=place + r".*\) must be callable as usage\(\.\.\.\)$"):
        call(function, 1, 2)


def test_a_function_is_async_if_it_or_a_decorator_of_it_is():
    assert [is_async(each) for each in (plain, with_await, Callable(), parts)] == [False, True, True, False]
    assert [streams_async(each) for each in (plain, with_await, parts)] == [False, False, True]
    for wrap in (lambda function: function, passed_on):
        assert not is_async(wrap(passed_on(plain)))
        assert is_async(wrap(made_async(plain)))
        assert is_async(wrap(passed_on(with_await)))
        assert streams_async(wrap(made_parts(plain)))
        assert streams_async(wrap(passed_on(parts)))


def test_async_functions_share_one_event_loop():
    import asyncio

    async def running(data, content_type):
        return asyncio.get_running_loop()

    assert call(running, 1, 2) is call(running, 1, 2) is loader.event_loop()
