"""Checks, without running a script, whether it defines the required functions, with signatures that can be called.

Where only running the script would tell, it passes: a name that is assigned the result of a call, for example, may be
the instance that has the functions. :mod:`loader` decides when the script is loaded.
"""

from __future__ import annotations

import ast
import builtins
import importlib.machinery
import json
import os
import sys
from typing import Iterator, NamedTuple

from .bindings import Bindings
from .demands import BATCH, METADATA, SERVE, TRAIN, Demand, fit, parameters_in
from .hints import hint
from .outline import Function, Outline
from .peers import PACKAGES, recognise
from .relative import beside_notices, relative_problems
from .signatures import signature_of
from .standard import standard_names

#: Modules whose classes and functions never implement a script.
STANDARD = standard_names()


def main(arguments: list[str]) -> None:
    """Read a script's source from standard input, and print as JSON what :func:`check` finds.

    ``arguments`` are ``train`` or ``serve``, the script's name, its path from the module directory, that directory's
    own name (or nothing), and the names that ``import`` finds in it; behind a ``/``, those in the script's own folder.
    """
    role, name, path, module, *names = arguments
    neighbours = names[: names.index("/")]
    place = Place(path, module, frozenset(names[len(neighbours) + 1 :]))
    demands, optional = (TRAIN, ()) if role == "train" else (SERVE, (BATCH, METADATA))
    result = check(sys.stdin.buffer.read(), name, demands, frozenset(neighbours), optional, place)
    json.dump(result._asdict(), sys.stdout)


class Result(NamedTuple):
    """The findings about one script."""

    #: Definite errors, each with the file's name and, if known, the line.
    problems: list[str]
    #: Whether the script has none of the functions, and may be for another purpose.
    unrelated: bool = False
    #: Probable errors.
    notices: tuple[str, ...] = ()


class Place(NamedTuple):
    """The location of a script."""

    #: Its path from the module directory.
    path: str
    #: The name of the module directory; "" if it has none.
    module: str
    #: The names that ``import`` would find in the script's own folder.
    beside: frozenset[str] = frozenset()


def check(
    source: bytes,
    name: str,
    demands: tuple[Demand, ...],
    neighbours: frozenset[str],
    optional: tuple[Demand, ...] = (),
    place: Place | None = None,
) -> Result:
    """Check a script, which messages call ``name``. ``neighbours`` are the names that ``import`` finds in its module.

    The script must have all ``demands``. Those of ``optional`` that it has must be callable as well. If ``place`` is
    given, imports from outside the module directory are errors.
    """
    if not name.endswith(tuple(importlib.machinery.all_suffixes())):
        return Result([f"'{name}' can't be imported: its name does not end in .py"])
    if not name.endswith(".py"):
        return Result([])
    try:
        tree = ast.parse(source, name)
    except SyntaxError as error:
        line = f", line {error.lineno}" if error.lineno else ""
        version = ".".join(map(str, sys.version_info[:2]))
        return Result([f"'{name}'{line}: {error.msg} (as Python {version} reads it)"])
    except ValueError as error:
        return Result([f"'{name}': {error}"])
    except (MemoryError, RecursionError):
        return Result([])
    script = _Script(tree, name, neighbours)
    missing = list(script.problems(demands, optional))
    problems = missing if place is None else [*relative_problems(tree, name, place.path, place.module), *missing]
    notices = beside_notices(tree, name, place.path, neighbours, place.beside) if place is not None else ()
    return Result(
        problems,
        notices=tuple(notices),
        unrelated=bool(missing) and not any(script.has(demand.name) for demand in demands),
    )


def importable(module_dir: str) -> frozenset[str]:
    """Return the names that ``import`` finds in a module directory."""
    names = os.listdir(module_dir)
    return frozenset(name[:-3] if name.endswith(".py") else name for name in names if name.count(".") < 2)


class _Script:
    """Judges the names that a module binds."""

    def __init__(self, tree: ast.Module, name: str, neighbours: frozenset[str]) -> None:
        self._outline = Outline(tree)
        self._name = name
        self._neighbours = neighbours
        self._names = Bindings(tree)

    def has(self, name: str) -> bool:
        """Whether the module binds this name, to a function or to anything else."""
        return name in self._names.bound

    def problems(self, demands: tuple[Demand, ...], optional: tuple[Demand, ...]) -> Iterator[str]:
        """Yield the definite errors."""
        if self._names.is_magic or "__getattr__" in self._names.bound:
            return
        usable = [demand for demand in demands if self._may_be_callable(demand.name)]
        if len(usable) == len(demands):
            for demand in (*demands, *optional):
                if self._may_be_callable(demand.name):
                    yield from self._shape(self._names.bound[demand.name], demand, is_method=False)
            return
        if any(self._is_api(node) for nodes in self._names.bound.values() for node in nodes):
            # It has all functions; `load` of the script is one of its arguments.
            return
        if not usable:
            candidates = [
                node for name, nodes in self._names.bound.items() for node in nodes if self._may_be_instance(name, node)
            ]
            if len(demands) > 1 and recognise(self._outline) is not None:
                candidates = [node for node in candidates if self._is_ours(node)]
            if candidates:
                yield from self._instance(candidates, demands, optional)
                return
        yield self._missing(demands, usable)

    def _missing(self, demands: tuple[Demand, ...], usable: list[Demand]) -> str:
        missing = [demand.name for demand in demands if demand not in usable]
        message = f"'{self._name}' must define {', '.join(f'{name}()' for name in missing)}"
        if usable:
            message += f"; it defines only {', '.join(demand.name for demand in usable)}"
        for name in missing:
            nodes = self._names.bound.get(name)
            if nodes:
                return f"{message}; its {name}, line {_line(nodes[0])}, is not a function"
        for name, nodes in self._names.bound.items():
            node = nodes[0]
            methods = self._names.methods(node) if isinstance(node, ast.ClassDef) else None
            if methods is not None and all(demand.name in methods for demand in demands):
                return f"{message}; its class {name}, line {_line(node)}, does: make an instance of it in the script"
        return message + hint(self._outline, tuple(demand.name for demand in demands), missing)

    def _may_be_callable(self, name: str) -> bool:
        return any(not _is_data(node) for node in self._names.bound.get(name, []))

    def _may_be_instance(self, name: str, node: ast.AST) -> bool:
        """Whether this may be an object with the functions as methods."""
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            origin, is_module = self._names.imported[name]
            # By PEP 8, a name such as `Service` is a class; the script would have to create the instance.
            return not is_module and self._is_near(origin) and not _is_class_name(name)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) or _is_data(node):
            return False
        if not isinstance(node, ast.Call):
            return not isinstance(node, (ast.Name, ast.BinOp, ast.JoinedStr, ast.Compare, ast.Lambda)) or isinstance(
                getattr(node, "ctx", None), ast.Store
            )
        root = node.func
        while isinstance(root, ast.Attribute):
            root = root.value
        if not isinstance(root, ast.Name):
            return True
        if root.id not in self._names.bound:
            return not hasattr(builtins, root.id)
        if root.id not in self._names.imported:
            return True
        origin = self._names.imported[root.id][0]
        last = node.func.attr if isinstance(node.func, ast.Attribute) else root.id
        return self._is_near(origin) or (_top(origin) not in STANDARD and _is_class_name(last))

    def _is_ours(self, node: ast.AST) -> bool:
        """Whether this may be the object with our functions in a script that was written for another server.

        Objects of that server, and those that another library creates, such as ``FastAPI()``, do not count.
        """
        if not isinstance(node, ast.Call):
            return isinstance(node, (ast.Import, ast.ImportFrom))
        origin = self._outline.origin(node)
        owner = self._outline.classes.get(_top(origin))
        if owner is not None:
            decorators = {self._outline.origin(decorator) for decorator in owner.node.decorator_list}
            return not any(_top(name) in PACKAGES for name in self._outline.bases(owner) | decorators)
        return self._is_near(origin) or not self._outline.imports(_top(origin))

    def _is_api(self, node: ast.AST) -> bool:
        """Whether this calls something of ``aimodellib.openai``: its ``Api`` makes the functions."""
        root = node.func if isinstance(node, ast.Call) else None
        while isinstance(root, ast.Attribute):
            root = root.value
        name = root.id if isinstance(root, ast.Name) else ""
        return self._names.imported.get(name, ("", False))[0] in ("aimodellib.openai", "aimodellib")

    def _is_near(self, origin: str) -> bool:
        return origin.startswith(".") or _top(origin) in self._neighbours

    def _instance(
        self, candidates: list[ast.AST], demands: tuple[Demand, ...], optional: tuple[Demand, ...]
    ) -> Iterator[str]:
        """Check the only candidate, if it is an instance of a class whose methods are all known."""
        known: list[dict[str, Function]] = []
        for node in candidates:
            function = node.func if isinstance(node, ast.Call) else None
            classes = self._names.bound.get(function.id, []) if isinstance(function, ast.Name) else []
            methods = (
                self._names.methods(classes[0]) if len(classes) == 1 and isinstance(classes[0], ast.ClassDef) else None
            )
            if methods is None:
                return
            known.append(methods)
        whole = [methods for methods in known if all(demand.name in methods for demand in demands)]
        if not whole:
            yield self._missing(demands, [])
        elif len(whole) == 1:
            for demand in (*demands, *optional):
                if demand.name in whole[0]:
                    yield from self._shape([whole[0][demand.name]], demand, is_method=True)

    def _shape(self, nodes: list[ast.AST], demand: Demand, *, is_method: bool) -> Iterator[str]:
        """Check the signature of a function that is defined once and has no decorator, which could change it."""
        node = nodes[0]
        if len(nodes) > 1 or not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) or node.decorator_list:
            return
        signature = signature_of(node, is_method=is_method)
        passed = demand.passed
        # The number of training arguments is not known yet: try as many as the function could take.
        attempts = len(signature.parameters) + 1 if demand in TRAIN else 1
        parameters = parameters_in(signature)
        if all(fit(parameters, passed + ("",) * more, demand.optional) is None for more in range(attempts)):
            yield f"'{self._name}', line {_line(node)}: {demand.name}{signature} must be callable as {demand.usage}"


def _is_data(node: ast.AST) -> bool:
    """Whether this is definitely neither a function nor an object that could have our methods."""
    literals = (ast.Constant, ast.List, ast.Tuple, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)
    return isinstance(node, (*literals, ast.JoinedStr, ast.Compare))


def _is_class_name(name: str) -> bool:
    stem = name.lstrip("_")
    return stem[:1].isupper() and not stem.isupper()


def _top(origin: str) -> str:
    return origin.split(".")[0]


def _line(node: ast.AST) -> int:
    return int(getattr(node, "lineno", 0))
