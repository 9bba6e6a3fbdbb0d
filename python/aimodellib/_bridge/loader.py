"""Finds the required functions in a script, and adapts them to the way they are called."""

from __future__ import annotations

import contextlib
import functools
import threading
from types import ModuleType
from typing import TYPE_CHECKING, Any, Callable

from . import streams
from .demands import Demand, fit, parameters_of, plain_function

if TYPE_CHECKING:
    import asyncio


class ScriptError(Exception):
    """A script lacks a required function, or one of its functions can't be called. The message says where."""


def find_implementation(module: ModuleType, demanded: tuple[str, ...]) -> Any:
    """Return the object with the ``demanded`` functions: the module, or the only instance in it that has them all.

    Raises ScriptError, which names the missing functions and the file.
    """
    missing = [name for name in demanded if not callable(getattr(module, name, None))]
    if not missing:
        return module
    instances: list[Any] = []
    classes: list[type] = []
    for value in vars(module).values():
        if isinstance(value, ModuleType):
            continue
        if all(callable(getattr(value, name, None)) for name in demanded):
            if not isinstance(value, type):
                if not any(value is other for other in instances):
                    instances.append(value)
            elif value.__module__ == module.__name__:
                classes.append(value)
    if len(instances) == 1:
        return instances[0]
    names = ", ".join(f"{name}()" for name in missing)
    message = f"'{module.__file__}' must define {names}"
    if len(instances) > 1:
        message += f"; {len(instances)} of its objects do, and there must be only one"
    elif classes:
        message += (
            f"; its class {classes[0].__name__} does: make an instance of it in the script"
            f" (model = {classes[0].__name__}())"
        )
    else:
        found = [name for name in demanded if name not in missing]
        message += f"; it defines only {', '.join(found)}" if found else ""
        taken = [name for name in missing if hasattr(module, name)]
        message += f"; its {taken[0]} is not a function" if taken else ""
        if not taken and module.__file__:
            # The message is complete without the hint, whose imports a file of the module may shadow.
            with contextlib.suppress(Exception):
                from .hints import hint_of_file

                message += hint_of_file(module.__file__, demanded, missing)
    raise ScriptError(message)


def adapt(
    owner: Any, demand: Demand, passed: tuple[str, ...], optional: dict[str, Any], *, to_end: bool = True
) -> Callable[..., Any]:
    """Return a function that calls the script's function ``demand`` with the positional arguments ``passed``.

    An argument of ``optional`` is passed as a keyword if the function's signature has it. A coroutine function is run
    to its end, unless ``to_end`` is False.
    Raises ScriptError if the function can't be called like this.
    """
    function: Callable[..., Any] = getattr(owner, demand.name)
    parameters = parameters_of(function)
    # A function written in C may have no signature; it gets only the positional arguments.
    by_name: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    if parameters is not None:
        found = fit(parameters, passed, optional)
        if found is None:
            from inspect import signature

            more = len(passed) - len(demand.passed)
            count = f", with {more} training argument{'s' if more > 1 else ''}" if more else ""
            shown = f"{demand.name}{signature(function)}"
            raise ScriptError(f"{_place(function)}: {shown} must be callable as {demand.usage}{count}")
        by_name, keywords = found
    call = _plain(function, by_name, {name: optional[name] for name in keywords})
    return _awaited(call) if to_end and is_async(function) else call


def is_async(function: Callable[..., Any]) -> bool:
    """Tell whether a function must be awaited: a coroutine function, or an object whose ``__call__`` is one.

    Of a decorated function, each decorator counts that leaves ``__wrapped__``: one may return a coroutine for a plain
    function, and another may pass on that of a coroutine function.
    """
    plain = plain_function(function)
    if plain is not None:
        return bool(plain.__code__.co_flags & _COROUTINE)
    from inspect import iscoroutinefunction

    return _is(iscoroutinefunction, function)


def streams_async(function: Callable[..., Any]) -> bool:
    """Tell whether a function is an async generator function, or an object whose ``__call__`` is one."""
    plain = plain_function(function)
    if plain is not None:
        return bool(plain.__code__.co_flags & _ASYNC_GENERATOR)
    from inspect import isasyncgenfunction

    return _is(isasyncgenfunction, function)


def refuse_generator(function: Callable[..., Any]) -> None:
    """Raise ScriptError if a function is a generator function: to call it executes nothing of it."""
    plain = plain_function(function)
    if plain is not None and plain.__code__.co_flags & (_GENERATOR | _ASYNC_GENERATOR):
        raise ScriptError(
            f"{_place(function)}: {plain.__name__}() contains 'yield', so a call of it would execute nothing:"
            " remove 'yield'"
        )


#: The flags of code that makes a generator, a coroutine, and an async generator.
_GENERATOR, _COROUTINE, _ASYNC_GENERATOR = 0x20, 0x80, 0x200


def _is(kind: Callable[[Any], bool], function: Callable[..., Any]) -> bool:
    from inspect import unwrap

    return kind(unwrap(function, stop=kind)) or kind(getattr(function, "__call__", None))  # noqa: B004


def _plain(function: Callable[..., Any], by_name: tuple[str, ...], keywords: dict[str, Any]) -> Callable[..., Any]:
    if by_name:
        return lambda first, last: function(first, **{by_name[0]: last}, **keywords)
    if keywords:
        return lambda *args: function(*args, **keywords)
    return function


def _awaited(call: Callable[..., Any]) -> Callable[..., Any]:
    from inspect import isawaitable

    loop = event_loop()

    def run(*args: Any) -> Any:
        # Several threads may get here, but a loop can run in only one at a time.
        with _running:
            result = call(*args)
            # A decorator may have run the coroutine to its end.
            return loop.run_until_complete(result) if isawaitable(result) else result

    return run


#: Held while the event loop runs to the end of a coroutine.
_running = threading.Lock()


@functools.lru_cache(maxsize=None)
def event_loop() -> asyncio.AbstractEventLoop:
    """Return the only event loop of the worker: what a script opens on it in load() still works in predict()."""
    import asyncio

    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    return loop


def end_tasks() -> None:
    """Cancel the remaining tasks of the event loop and wait for them, so that their ``finally`` blocks run.

    Raises nothing but KeyboardInterrupt: another exception would hide the one that ended the script.
    """
    if not event_loop.cache_info().currsize:
        return
    import asyncio

    loop = event_loop()
    try:
        tasks = asyncio.all_tasks(loop)
        for task in tasks:
            task.cancel()
        if tasks:
            loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        loop.run_until_complete(loop.shutdown_asyncgens())
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        streams.print_traceback(error)


def _place(function: Callable[..., Any]) -> str:
    from inspect import unwrap

    code = getattr(unwrap(function), "__code__", None)
    return f"'{code.co_filename}', line {code.co_firstlineno}" if code else repr(function)
