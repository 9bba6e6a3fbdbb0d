"""Parses requirements by PEP 508, and evaluates their markers.

A Python may have neither ``packaging`` nor pip, which contains it, and ``packaging`` takes three times as long to
import as this module. The names are those of ``packaging.requirements``. What this module can't parse is left to the
installer.
"""

from __future__ import annotations

import os
import platform
import re
import sys
from typing import Callable, Dict

from .pep440 import InvalidVersion, Specifier, SpecifierSet

_REQUIREMENT = re.compile(
    r"""(?P<name>[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?)\s*(?:\[(?P<extras>[^\]]*)\]\s*)?
    (?:@\s*(?P<url>\S+)(?:\s+|$)|\((?P<within>[^()]*)\)\s*|(?P<specifiers>[^;@()]*))
    (?:;(?P<marker>.*))?""",
    re.VERBOSE | re.IGNORECASE | re.ASCII | re.DOTALL,
)
_EXTRA = re.compile(r"[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?", re.IGNORECASE | re.ASCII)
_TOKEN = re.compile(
    r"""\s*(?:(?P<text>'[^']*'|"[^"]*")|(?P<word>[a-z_][a-z0-9_.]*)|(?P<sign>~=|===?|!=|<=?|>=?|[()]))""", re.ASCII
)
_ALIASES = {
    "os.name": "os_name",
    "sys.platform": "sys_platform",
    "platform.version": "platform_version",
    "platform.machine": "platform_machine",
    "platform.python_implementation": "platform_python_implementation",
    "python_implementation": "platform_python_implementation",
}
#: The variables whose values are compared as versions.
_VERSIONS = ("implementation_version", "platform_release", "python_full_version", "python_version")
#: The deepest nesting of parentheses in a marker.
_DEPTH = 50

#: Evaluates a condition with the given variables.
Test = Callable[[Dict[str, str]], bool]


class InvalidRequirement(ValueError):
    """A text is not a requirement, or not one that we can parse."""


class Requirement:
    """A requirement: a package, its extras, versions and marker."""

    def __init__(self, text: str) -> None:
        """Parse a requirement. Raises InvalidRequirement."""
        match = _REQUIREMENT.fullmatch(text.strip())
        if match is None:
            raise InvalidRequirement(text)
        self._text = text.strip()
        self.name: str = match["name"]
        self.url: str | None = match["url"]
        self.extras = {extra.strip() for extra in (match["extras"] or "").split(",")} - {""}
        self.marker = None if match["marker"] is None else Marker(match["marker"])
        try:
            self.specifier = SpecifierSet(match["within"] or match["specifiers"] or "")
        except InvalidVersion:
            raise InvalidRequirement(text) from None
        if not all(_EXTRA.fullmatch(extra) for extra in self.extras):
            raise InvalidRequirement(text)

    def __str__(self) -> str:
        """Return the requirement as it was written."""
        return self._text


class Marker:
    """A marker: the condition after the semicolon."""

    def __init__(self, text: str) -> None:
        """Parse a marker. Raises InvalidRequirement."""
        self._text = text
        self._tokens: list[tuple[str, str]] = []
        at, end = 0, len(text.rstrip())
        while at < end:
            match = _TOKEN.match(text, at)
            if match is None:
                raise InvalidRequirement(text)
            self._tokens.append((str(match.lastgroup), match[str(match.lastgroup)]))
            at = match.end()
        self._tokens.reverse()
        self._test = self._any(0)
        if self._tokens:
            raise InvalidRequirement(text)

    def __str__(self) -> str:
        """Return the marker as it was written."""
        return self._text

    def evaluate(self, variables: dict[str, str]) -> bool:
        """Whether the marker holds for this Python, with additional variables."""
        return self._test({**_environment(), **variables})

    def _any(self, depth: int) -> Test:
        tests = [self._all(depth)]
        while self._takes("word", "or"):
            tests.append(self._all(depth))
        return lambda variables: any(test(variables) for test in tests)

    def _all(self, depth: int) -> Test:
        tests = [self._one(depth)]
        while self._takes("word", "and"):
            tests.append(self._one(depth))
        return lambda variables: all(test(variables) for test in tests)

    def _one(self, depth: int) -> Test:
        if self._takes("sign", "("):
            if depth == _DEPTH:
                raise InvalidRequirement(self._text)
            within = self._any(depth + 1)
            if not self._takes("sign", ")"):
                raise InvalidRequirement(self._text)
            return within
        left, operator, right = self._value(), self._operator(), self._value()
        about = left[1] or right[1]
        if (left[0] is None) == (right[0] is None):
            raise InvalidRequirement(self._text)

        def test(variables: dict[str, str]) -> bool:
            values = [variables[name] if text is None else text for text, name in (left, right)]
            if about == "extra":
                values = [re.sub(r"[-_.]+", "-", value).lower() for value in values]
            return _compare(values[0], operator, values[1], about in _VERSIONS)

        return test

    def _takes(self, kind: str, text: str) -> bool:
        if self._tokens and self._tokens[-1] == (kind, text):
            self._tokens.pop()
            return True
        return False

    def _next(self) -> tuple[str, str]:
        if not self._tokens:
            raise InvalidRequirement(self._text)
        return self._tokens.pop()

    def _value(self) -> tuple[str | None, str]:
        """Return a literal and "", or None and the name of a variable."""
        kind, text = self._next()
        if kind == "text":
            return text[1:-1], ""
        name = _ALIASES.get(text, text)
        if kind != "word" or (name not in _environment() and name != "extra"):
            raise InvalidRequirement(self._text)
        return None, name

    def _operator(self) -> str:
        kind, text = self._next()
        if kind == "word" and text == "not" and self._takes("word", "in"):
            return "not in"
        if (kind == "word" and text == "in") or (kind == "sign" and text not in "()"):
            return text
        raise InvalidRequirement(self._text)


def _compare(left: str, operator: str, right: str, as_versions: bool) -> bool:
    """Compare two values as ``packaging`` 26.4 does. Raises InvalidRequirement if it doesn't define the result."""
    if operator == "in":
        return left in right
    if operator == "not in":
        return left not in right
    if as_versions:
        try:
            specifier = Specifier(operator + right)
        except InvalidVersion:
            pass
        else:
            try:
                return specifier.contains(left)
            except InvalidVersion:
                # A kernel's release, such as 6.1.0-13-amd64, satisfies no specifier, not even with `!=`.
                return False
    # Text has no order.
    if operator in ("==", "<=", ">="):
        return left == right
    if operator == "!=":
        return left != right
    if operator in ("<", ">"):
        return False
    # The installer may know more.
    raise InvalidRequirement(f"'{left}' {operator} '{right}'")


def _environment() -> dict[str, str]:
    """Return the variables of PEP 508 for this Python."""
    implementation = sys.implementation
    number = ".".join(map(str, implementation.version[:3]))
    level, serial = implementation.version.releaselevel, implementation.version.serial
    return {
        "implementation_name": implementation.name,
        "implementation_version": number if level == "final" else f"{number}{level[0]}{serial}",
        "os_name": os.name,
        "platform_machine": platform.machine(),
        "platform_python_implementation": platform.python_implementation(),
        "platform_release": platform.release(),
        "platform_system": platform.system(),
        "platform_version": platform.version(),
        # A build between two releases ends with a plus.
        "python_full_version": platform.python_version().rstrip("+"),
        "python_version": ".".join(platform.python_version_tuple()[:2]),
        "sys_platform": sys.platform,
    }
