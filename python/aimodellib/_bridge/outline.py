"""The outline of a script's source: its functions, its classes with their methods, and where names are imported from.

Only statements of the module, of its classes and of its functions are looked at, each once, so that the time is
proportional to the source's length.
"""

from __future__ import annotations

import ast
from typing import Iterator, Mapping, Union

Function = Union[ast.FunctionDef, ast.AsyncFunctionDef]


class Outline:
    """What a module, or a function, defines at its top level."""

    def __init__(self, tree: ast.Module | Function, imported: Mapping[str, str] | None = None) -> None:
        """Look at the statements of ``tree``, which know the names ``imported`` from elsewhere."""
        self.functions: dict[str, Function] = {}
        self.classes: dict[str, Class] = {}
        #: The dotted name that each imported name stands for, such as ``litserve.LitAPI``.
        self._imported: dict[str, str] = dict(imported or {})
        #: What is assigned to a name by a call, such as ``app = FastAPI()``.
        self._calls: dict[str, ast.Call] = {}
        for node in statements(tree.body):
            self._add(node)

    def inside(self) -> Iterator[Outline]:
        """What each of the functions defines, such as one that makes an app and returns it."""
        for function in self.functions.values():
            yield Outline(function, self._imported)

    def _add(self, node: ast.stmt) -> None:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            self.functions.setdefault(node.name, node)
        elif isinstance(node, ast.ClassDef):
            self.classes.setdefault(node.name, Class(node))
        elif isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.split(".")[0]
                self._imported[alias.asname or top] = alias.name if alias.asname else top
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            for alias in node.names:
                self._imported[alias.asname or alias.name] = f"{node.module}.{alias.name}"
        elif isinstance(node, (ast.Assign, ast.AnnAssign)) and isinstance(node.value, ast.Call):
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                if isinstance(target, ast.Name):
                    self._calls.setdefault(target.id, node.value)

    def origin(self, node: ast.AST) -> str:
        """Return the dotted name of what an expression refers to, from its import on; "" if it has none."""
        parts: list[str] = []
        if isinstance(node, ast.Call):
            node = node.func
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return ""
        return ".".join([self._imported.get(node.id, node.id), *reversed(parts)])

    def bases(self, owner: Class) -> set[str]:
        """Return the dotted names of the bases of a class, and of their bases as far as they are defined here."""
        found: set[str] = set()
        waiting = [owner]
        while waiting:
            for base in waiting.pop().node.bases:
                origin = self.origin(base)
                if origin not in found:
                    found.add(origin)
                    if origin in self.classes:
                        waiting.append(self.classes[origin])
        return found

    def imports(self, package: str) -> bool:
        """Whether something of this package is imported."""
        return any(name.split(".")[0] == package for name in self._imported.values())

    def made_by(self, *makers: str) -> dict[str, ast.Call]:
        """The names that are assigned what one of these classes or functions makes, with the calls that make it."""
        return {name: call for name, call in self._calls.items() if is_one_of(self.origin(call), makers)}

    def decorated(self, functions: dict[str, Function], *decorators: str) -> dict[str, Function]:
        """Those of the functions that have one of these decorators."""
        return {
            name: function
            for name, function in functions.items()
            if any(is_one_of(self.origin(decorator), decorators) for decorator in function.decorator_list)
        }


class Class:
    """A class, and the methods that its own body defines."""

    def __init__(self, node: ast.ClassDef) -> None:
        self.node = node
        self.methods: dict[str, Function] = {
            statement.name: statement
            for statement in statements(node.body)
            if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef))
        }


def statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements that are executed when a module is imported, without those of functions and classes."""
    for node in body:
        yield node
        if isinstance(node, ast.If) and is_main(node.test):
            yield from statements(node.orelse)
        elif isinstance(node, (ast.If, ast.Try, ast.With)):
            for field in ("body", "orelse", "finalbody"):
                yield from statements(getattr(node, field, []))
            for handler in getattr(node, "handlers", []):
                yield from statements(handler.body)


def is_one_of(origin: str, names: tuple[str, ...]) -> bool:
    """Whether a dotted name is one of these, or its last part alone: a class of the script's own, or a ``*`` import."""
    return origin in names or ("." not in origin and any(name.endswith(f".{origin}") for name in names))


def is_main(test: ast.expr) -> bool:
    """Tell whether this is ``__name__ == "__main__"``, which a script that is loaded is not."""
    return isinstance(test, ast.Compare) and isinstance(test.left, ast.Name) and test.left.id == "__name__"


def arguments(function: Function, *, is_method: bool = False) -> str:
    """Return the names of a function's arguments as a message shows them, such as ``(data, context)``."""
    args = function.args
    names = [arg.arg for arg in [*args.posonlyargs, *args.args]][1 if is_method else 0 :]
    if args.vararg:
        names.append(f"*{args.vararg.arg}")
    names += [arg.arg for arg in args.kwonlyargs]
    if args.kwarg:
        names.append(f"**{args.kwarg.arg}")
    text = ", ".join(names)
    return f"({text})" if len(text) <= 60 else f"({text[:60]}…)"
