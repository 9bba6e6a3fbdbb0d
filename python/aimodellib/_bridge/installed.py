"""Lists the installed packages.

``importlib.metadata`` does the same, but importing it takes longer than reading the metadata of 60 packages, and each
training run lists its packages for the record of the run.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator


def packages(folders: list[str] | None = None) -> dict[str, str]:
    """Return the version of each package that ``import`` finds: the first on the path shadows others.

    :param folders: the search path; ``sys.path`` by default
    """
    path = sys.path if folders is None else folders
    found: dict[str, tuple[str, str]] = {}
    for lines in _from_importlib(path) if _need_importlib(path) else _from_folders(path):
        name, version = _name_and_version(lines)
        # A broken package lacks one of them.
        if name and version:
            found.setdefault(canonical(name), (name, version))
    return dict(found.values())


def canonical(name: str) -> str:
    """Return the normalized name of a package (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _need_importlib(path: list[str]) -> bool:
    """Whether packages may be elsewhere than in folders: in ZIP files, or where another finder looks."""
    finders = (finder for finder in sys.meta_path if getattr(finder, "__name__", "") != "PathFinder")
    return any(hasattr(finder, "find_distributions") for finder in finders) or any(map(os.path.isfile, path))


def _from_importlib(path: list[str]) -> Iterator[list[str]]:
    from importlib import metadata

    for distribution in metadata.distributions(path=path):
        texts = map(distribution.read_text, ("METADATA", "PKG-INFO", ""))
        yield (next(filter(None, texts), None) or "").splitlines()


def _from_folders(path: list[str]) -> Iterator[Iterable[str]]:
    for folder in path:
        in_egg = folder.lower().rstrip(os.sep).endswith(".egg")
        try:
            names = os.listdir(folder or ".")
        except OSError:
            continue
        for name in names:
            low = name.lower()
            if low.endswith((".dist-info", ".egg-info")) or (in_egg and low == "egg-info"):
                yield _lines(os.path.join(folder, name))


def _lines(info: str) -> Iterator[str]:
    """Return the lines of a package's metadata; setuptools of before 2004 wrote it into the place of the folder."""
    for file in (os.path.join(info, "METADATA"), os.path.join(info, "PKG-INFO"), info):
        try:
            with open(file, encoding="utf-8", errors="replace") as lines:
                first = lines.readline()
                if first:
                    yield first
                    yield from lines
                    return
        except OSError:
            continue


def _name_and_version(lines: Iterable[str]) -> tuple[str | None, str | None]:
    """Return the first fields with these names in the head of the metadata; the description follows an empty line."""
    fields: dict[str, str] = {}
    for line in lines:
        key, colon, value = line.partition(":")
        if colon and key[0:1].lower() in ("n", "v"):
            fields.setdefault(key.lower(), value.strip())
        elif not line.rstrip("\r\n"):
            break
    return fields.get("name"), fields.get("version")
