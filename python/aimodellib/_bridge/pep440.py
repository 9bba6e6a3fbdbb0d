"""Compares versions and specifiers by PEP 440, for :mod:`pep508`."""

from __future__ import annotations

import re
from typing import Any

_VERSION = re.compile(
    r"""v?(?:(?P<epoch>\d+)!)?(?P<release>\d+(?:\.\d+)*)
    (?:[-_.]?(?P<pre>alpha|beta|preview|pre|a|b|c|rc)[-_.]?(?P<pre_number>\d*))?
    (?P<post>-(?P<implicit>\d+)|[-_.]?(?:post|rev|r)[-_.]?(?P<post_number>\d*))?
    (?P<dev>[-_.]?dev[-_.]?(?P<dev_number>\d*))?
    (?:\+(?P<local>[a-z0-9]+(?:[-_.][a-z0-9]+)*))?""",
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)
_SPECIFIER = re.compile(r"(?P<operator>~=|===?|!=|<=?|>=?)\s*(?P<operand>[^\s,;()]+)")
_PRE_LETTERS = {"alpha": "a", "beta": "b", "preview": "rc", "pre": "rc", "c": "rc"}
_INFINITY = float("inf")


class InvalidVersion(ValueError):
    """A text is not a valid version or specifier."""


class Version:
    """A version, with the keys by which it is compared."""

    def __init__(self, text: str) -> None:
        """Parse a version. Raises InvalidVersion."""
        match = _VERSION.fullmatch(text.strip())
        # Python refuses to convert more than about 4,300 digits.
        if match is None or len(text) > 1000:
            raise InvalidVersion(text)
        self.epoch = int(match["epoch"] or 0)
        self.release = tuple(int(part) for part in match["release"].split("."))
        self.is_post = match["post"] is not None
        self.is_pre = match["pre"] is not None or match["dev"] is not None
        self.local: tuple[tuple[int, str], ...] = tuple(
            (int(part), "") if part.isdigit() else (-1, part)
            for part in re.split(r"[-_.]", (match["local"] or "").lower())
            if part
        )
        base = len(self.release)
        while base > 1 and self.release[base - 1] == 0:
            base -= 1
        #: The same for all versions that differ only in suffixes.
        self.base = (self.epoch, self.release[:base])
        pre: tuple[Any, ...]
        if match["pre"] is not None:
            letter = match["pre"].lower()
            pre = (0, _PRE_LETTERS.get(letter, letter), int(match["pre_number"] or 0))
        else:
            # 1.0.dev1 comes before 1.0a1, which comes before 1.0.
            pre = (-1,) if match["dev"] is not None and not self.is_post else (1,)
        post = int(match["implicit"] or match["post_number"] or 0) if self.is_post else -1
        dev = int(match["dev_number"] or 0) if match["dev"] is not None else _INFINITY
        #: Compares like the version without its local part.
        self.public = (*self.base, pre, post, dev)

    def begins(self, release: tuple[int, ...], epoch: int) -> bool:
        """Whether the release begins with these numbers, in this epoch."""
        padded = self.release + (0,) * (len(release) - len(self.release))
        return self.epoch == epoch and padded[: len(release)] == release


class Specifier:
    """An operator and a version, such as ``>=1.2``."""

    def __init__(self, text: str) -> None:
        """Parse a specifier. Raises InvalidVersion."""
        match = _SPECIFIER.fullmatch(text.strip())
        if match is None:
            raise InvalidVersion(text)
        self.operator, self.operand = match["operator"], match["operand"]
        if self.operator == "===":
            return
        self.is_prefix = self.operator in ("==", "!=") and self.operand.endswith(".*")
        self.version = Version(self.operand[:-2] if self.is_prefix else self.operand)
        is_release = not (self.version.is_pre or self.version.is_post)
        if (
            (self.version.local and (self.is_prefix or self.operator not in ("==", "!=")))
            or (self.is_prefix and not is_release)
            or (self.operator == "~=" and len(self.version.release) < 2)
        ):
            raise InvalidVersion(text)

    def contains(self, text: str) -> bool:
        """Whether a version satisfies the specifier; pre-releases may as well."""
        if self.operator == "===":
            return text.strip().lower() == self.operand.lower()
        found, asked = Version(text), self.version
        if self.operator in ("==", "!="):
            if self.is_prefix:
                equal = found.begins(asked.release, asked.epoch)
            else:
                equal = found.public == asked.public and (not asked.local or found.local == asked.local)
            return equal == (self.operator == "==")
        if self.operator == "<=":
            return found.public <= asked.public
        if self.operator == ">=":
            return found.public >= asked.public
        if self.operator == "~=":
            return found.public >= asked.public and found.begins(asked.release[:-1], asked.epoch)
        # 1.0rc1 is not < 1.0, and 1.0.post1 is not > 1.0.
        if self.operator == "<":
            same = found.public[:4] == asked.public[:4] if asked.is_post else found.base == asked.base
            return found.public < asked.public and not (same and found.is_pre and not asked.is_pre)
        excluded = found.is_post and not asked.is_post and found.public[:3] == asked.public[:3]
        return found.public > asked.public and not excluded


class SpecifierSet:
    """Specifiers that must all hold, such as ``>=1.2,<2``."""

    def __init__(self, text: str) -> None:
        """Parse specifiers that are separated by commas. Raises InvalidVersion."""
        parts = text.split(",")
        # A comma may follow the last specifier.
        if not parts[-1].strip() and text.strip() != ",":
            parts.pop()
        self._all = [Specifier(part) for part in parts]

    def contains(self, text: str) -> bool:
        """Whether a version satisfies all specifiers; pre-releases may as well."""
        return all(specifier.contains(text) for specifier in self._all)
