"""How a script's functions can be called, compared with what ``inspect`` says about them."""

import functools
import inspect
import itertools
import pathlib
import re
import subprocess
import sys
import textwrap

import pytest

PACKAGE = pathlib.Path(__file__).resolve().parents[2] / "python"
sys.path.insert(0, str(PACKAGE))

from aimodellib._bridge.demands import fit, parameters_in, parameters_of
from aimodellib._bridge.loader import is_async, streams_async

#: Lists of parameters: positional-only ones, ones with defaults, and ones by name, with and without ``*`` and ``**``.
LISTS = [
    ", ".join(filter(None, parts))
    for parts in itertools.product(
        ("", "data, /", "data=1, /"),
        ("", "model=2", "model=2, logger=None"),
        ("", "*", "*logger", "*rest"),
        ("", "logger", "logger=None", "content_type", "content_type, other=3"),
        ("", "**logger", "**rest"),
    )
]


def functions():
    """Yield a function for each list that Python takes."""
    for parameters in dict.fromkeys(LISTS):
        space = {}
        try:
            exec(f"def function({parameters}): pass", space)
        except SyntaxError:
            continue
        yield space["function"]


def bound(function):
    """Return a method of an object with this function."""
    return type("Owner", (), {"method": function})().method


def binds(signature, positional, keywords):
    try:
        signature.bind(*positional, **dict.fromkeys(keywords))
    except TypeError:
        return False
    return True


def expected(function, passed):
    """How ``function`` is called, by the signature that ``inspect`` makes of it."""
    signature = inspect.signature(function)
    found = signature.parameters.get("logger")
    if found is None:
        takes = any(each.kind is each.VAR_KEYWORD for each in signature.parameters.values())
    else:
        takes = found.kind in (found.POSITIONAL_OR_KEYWORD, found.KEYWORD_ONLY)
    keywords = ("logger",) if takes else ()
    for by_name in ((), passed[-1:]) if len(passed) > 1 else ((),):
        if binds(signature, passed[: len(passed) - len(by_name)], by_name + keywords):
            return by_name, keywords
    return None


def test_functions_are_called_as_inspect_says():
    count = 0
    for function in functions():
        assert parameters_of(function) == parameters_in(inspect.signature(function))
        for passed in (("data",), ("data", "content_type"), ("data", "model", "content_type")):
            assert fit(parameters_of(function), passed, ("logger",)) == expected(function, passed), function
            count += 1
    assert count > 500


def test_methods_are_called_as_inspect_says():
    for function in functions():
        method = bound(function)
        try:
            signature = inspect.signature(method)
        except ValueError:
            assert parameters_of(method) is None
            continue
        assert parameters_of(method) == parameters_in(signature)


def wrapped(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        return function(*args, **kwargs)

    return wrapper


def signed(first):
    """A function that says it has another signature."""


signed.__signature__ = inspect.Signature([inspect.Parameter("other", inspect.Parameter.KEYWORD_ONLY)])


async def coroutine(data, model): ...


async def generator(data, model):
    yield data


def plain(data, model): ...


class Called:
    def __call__(self, data): ...


class CalledAsync:
    async def __call__(self, data): ...


CALLABLES = [
    signed,
    len,
    dict.fromkeys,
    Called,
    Called(),
    CalledAsync(),
    *(
        change(function)
        for function in (coroutine, generator, plain)
        for change in (lambda each: each, bound, wrapped, lambda each: functools.partial(each, 1), lambda each: bound(wrapped(each)))
    ),
]


def name_of(function):
    """Describe a callable without its address: the processes of pytest-xdist must agree on the names of tests."""
    return re.sub(r" at 0x[0-9a-f]+", "", repr(function))


@pytest.mark.parametrize("function", CALLABLES, ids=name_of)
def test_other_callables_are_called_as_inspect_says(function):
    assert parameters_of(function) == parameters_in(inspect.signature(function))
    call = getattr(function, "__call__", None)  # noqa: B004
    inner = inspect.unwrap(function)
    assert is_async(function) == (inspect.iscoroutinefunction(inner) or inspect.iscoroutinefunction(call))
    assert streams_async(function) == (inspect.isasyncgenfunction(inner) or inspect.isasyncgenfunction(call))


def test_a_callable_without_a_signature_has_no_parameters():
    assert parameters_of(type("Odd", (), {"__signature__": 1, "__call__": len})()) is None


@pytest.mark.parametrize("mode", ["serve", "train"])
def test_a_worker_imports_no_slow_module_for_plain_functions(tmp_path, mode):
    functions = {
        "serve": ("load(model_dir)", "deserialize(data, content_type)", "predict(data, model)", "serialize(data, accepted)"),
        "train": ("train(model_dir, *args, logger=None)",),
    }[mode]
    script = tmp_path / "script.py"
    script.write_text("".join(f"def {function}: return None\n" for function in functions))
    source = """
        import sys
        sys.path.insert(0, sys.argv[1])
        before = set(sys.modules)
        from aimodellib._bridge import worker
        from aimodellib._bridge.MODE import run
        class Link:
            def send(self, kind, body=b"", **metadata):
                assert "stage" not in metadata, metadata
            def read(self):
                from aimodellib._bridge.frames import Closed
                raise Closed
            ledger = None
        try:
            run(Link(), {"module": sys.argv[2], "script": sys.argv[3], "model_dir": "", "args": [], "max_body": 1,
                         "tensor_board_enabled": False, "tensor_board_dir": ""})
        finally:
            print(sorted({"ast", "asyncio", "inspect", "platform", "subprocess"} & (set(sys.modules) - before)))
    """.replace("MODE", mode)
    command = [sys.executable, "-S", "-c", textwrap.dedent(source), str(PACKAGE), str(tmp_path), str(script)]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.stdout == "[]\n", result.stderr
