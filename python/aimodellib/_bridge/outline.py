"""The outline of a script's source: its functions, its classes with their methods, and its imports.

It visits the statements of the module, of its classes and of its functions once each. The time is therefore
proportional to the length of the source.
"""

from __future__ import annotations

import ast
from typing import Iterator, Mapping, Union

Function = Union[ast.FunctionDef, ast.AsyncFunctionDef]


class Outline:
    """The definitions at the top level of a module or a function."""

    def __init__(self, tree: ast.Module | Function, imported: Mapping[str, str] | None = None) -> None:
        """Collect the definitions in ``tree``; ``imported`` are names that are imported around it."""
        self.functions: dict[str, Function] = {}
        self.classes: dict[str, Class] = {}
        #: The dotted name that each imported name stands for, such as ``litserve.LitAPI``.
        self._imported: dict[str, str] = dict(imported or {})
        #: The calls whose results are assigned to names, such as ``app = FastAPI()``.
        self._calls: dict[str, ast.Call] = {}
        for node in statements(tree.body):
            self._add(node)

    def inside(self) -> Iterator[Outline]:
        """Yield the outlines of the functions, one of which may create an app and return it."""
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
        """Return the full dotted name of what an expression refers to, through its import; "" if it has none."""
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
        """Return the dotted names of all bases of a class, direct and indirect, as far as they are defined here."""
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
        """Whether the source imports this package, or anything from it."""
        return any(name.split(".")[0] == package for name in self._imported.values())

    def made_by(self, *makers: str) -> dict[str, ast.Call]:
        """Return the names to which the result of one of these classes or functions is assigned, with the calls."""
        return {name: call for name, call in self._calls.items() if is_one_of(self.origin(call), makers)}

    def decorated(self, functions: dict[str, Function], *decorators: str) -> dict[str, Function]:
        """Return the functions with one of these decorators."""
        return {
            name: function
            for name, function in functions.items()
            if any(is_one_of(self.origin(decorator), decorators) for decorator in function.decorator_list)
        }


class Class:
    """A class, with the methods in its own body."""

    def __init__(self, node: ast.ClassDef) -> None:
        self.node = node
        self.methods: dict[str, Function] = {
            statement.name: statement
            for statement in statements(node.body)
            if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef))
        }


def statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements that run when a module is imported, without those inside functions and classes."""
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
    """Whether a dotted name is one of these, or only its last part, as for a class of the script or a ``*`` import."""
    return origin in names or ("." not in origin and any(name.endswith(f".{origin}") for name in names))


def is_main(test: ast.expr) -> bool:
    """Tell whether this is ``__name__ == "__main__"``, which is false in a script that we load."""
    return isinstance(test, ast.Compare) and isinstance(test.left, ast.Name) and test.left.id == "__name__"


def arguments(function: Function, *, is_method: bool = False) -> str:
    """Return the names of a function's arguments for a message, such as ``(data, context)``."""
    args = function.args
    names = [arg.arg for arg in [*args.posonlyargs, *args.args]][1 if is_method else 0 :]
    if args.vararg:
        names.append(f"*{args.vararg.arg}")
    names += [arg.arg for arg in args.kwonlyargs]
    if args.kwarg:
        names.append(f"**{args.kwarg.arg}")
    text = ", ".join(names)
    return f"({text})" if len(text) <= 60 else f"({text[:60]}…)"
