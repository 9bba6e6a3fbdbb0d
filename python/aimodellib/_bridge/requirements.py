"""Checks whether the requirements of a ``requirements.txt`` are installed, by PEP 508 and PEP 440; lists packages.

Only names with extras, versions and markers are checked. Options, files, URLs and hashes are left to the installer.
"""

from __future__ import annotations

import importlib.util
import json
import os
import site
import sys

from .installed import canonical, packages

# Each training run lists its packages. What a list doesn't need is imported late: it takes longer than the list.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from importlib import metadata
    from typing import Any

    from .pep508 import Requirement


def main(arguments: list[str]) -> None:
    """Print a result as JSON: of ``check [installed]``, for requirements on standard input, or of ``list MODULE``."""
    command, *rest = arguments
    if command == "check":
        # The supervisor has decoded the file as pip does.
        text = sys.stdin.buffer.read().decode("utf-8", "replace")
        result: dict[str, Any] = {"unmet": check(text, installed="installed" in rest)}
        result["site"] = site_folders()
        names = {name.lower() for name in packages()}
        result["bare"] = names <= {"pip", "setuptools", "wheel"}
        result["pip"], result["venv"] = _has("pip"), _has("venv")
    else:
        # As in a run, the module directory comes first.
        listed = packages([*rest, *sys.path])
        result = {"python": ".".join(map(str, sys.version_info[:3])), "packages": listed}
    json.dump(result, sys.stdout)


def _has(name: str) -> bool:
    """Whether a module can be imported, without importing it."""
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def _find(name: str) -> tuple[metadata.Distribution, str] | None:
    """Return the package with this name and its version, or None. A package without a version is not installed."""
    from importlib import metadata

    try:
        found = metadata.distribution(name)
        version = _field(found, "Version")
        if version:
            return found, version
    except metadata.PackageNotFoundError:
        pass
    # PyPy, and Python before 3.10, distinguish `a.b` from `a-b`. Another package may follow one without a version.
    for found in metadata.distributions():
        if canonical(_field(found, "Name")) == canonical(name):
            version = _field(found, "Version")
            if version:
                return found, version
    return None


def _field(distribution: metadata.Distribution, name: str) -> str:
    """Return a field of the metadata, or an empty text: a broken package lacks fields, or has no metadata."""
    fields = distribution.metadata
    return fields[name] or "" if fields and name in fields else ""


def check(text: str, installed: bool = False) -> str | None:
    """Return the first requirement that is not met, or must be left to the installer; None if all are met.

    :param installed: whether an installer has installed the requirements: nothing is then left to it
    """
    for line in logical_lines(text):
        unmet = _unmet_line(line, installed)
        if unmet:
            return unmet
    return None


def _unmet_line(line: str, installed: bool) -> str | None:
    unread = None if installed else f"'{line}' must be read by the installer"
    if line.startswith("-") or " --" in line:
        return unread
    # A list may need no parser.
    from . import pep508

    try:
        requirement = pep508.Requirement(line)
    except pep508.InvalidRequirement:
        return unread
    if requirement.url:
        return None if installed else f"'{line}' must be fetched by the installer"
    return _unmet(requirement, "", set(), installed)


def logical_lines(text: str) -> list[str]:
    """Return the logical lines of a requirements file: joined at backslashes, without comments or empty lines."""
    joined = text.replace("\\\r\n", "").replace("\\\n", "")
    lines = []
    for line in joined.splitlines():
        # As in pip, a comment begins a line, or follows a space.
        for index, character in enumerate(line):
            if character == "#" and (index == 0 or line[index - 1].isspace()):
                line = line[:index]
                break
        if line.strip():
            lines.append(line.strip())
    return lines


def site_folders() -> list[dict[str, Any]]:
    """Return the folders of this Python's packages in search order, and whether their ``.pth`` files are executed."""
    standard = os.path.dirname(os.__file__)
    sites = [*site.getsitepackages(), *([site.getusersitepackages()] if site.ENABLE_USER_SITE else [])]
    inherited = [os.path.abspath(path) for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    paths = [
        path
        for path in sys.path[1:]
        if path not in (standard, os.path.join(standard, "lib-dynload")) and path not in inherited
    ]
    # A missing folder counts as well: packages may be installed into it.
    return [
        {"path": path, "pth": path in sites, "there": os.path.isdir(path)}
        for path in dict.fromkeys([*paths, *sites])
        if os.path.isdir(path) or path in sites
    ]


def _unmet(requirement: Requirement, extra: str, seen: set[tuple[str, str]], installed: bool) -> str | None:
    """Return what this requirement, or one of its dependencies, lacks; None if nothing."""
    from . import pep508

    try:
        if requirement.marker and not requirement.marker.evaluate({"extra": extra}):
            return None
        found = _find(requirement.name)
        if found is None:
            return f"{requirement.name} is not installed"
        distribution, version = found
        if not requirement.specifier.contains(version):
            return f"{requirement.name} {version} is installed, and '{requirement}' is asked for"
    except ValueError:
        # The result of a comparison in the marker is not defined, or the package has an invalid version.
        return None if installed else f"'{requirement}' must be read by the installer"
    for wanted in ("", *sorted(requirement.extras)):
        key = (canonical(requirement.name), wanted)
        if key in seen:
            continue
        seen.add(key)
        for line in distribution.requires or []:
            try:
                needed = pep508.Requirement(line)
            except pep508.InvalidRequirement:
                if installed:
                    continue
                return f"'{line}' must be read by the installer (for {requirement.name})"
            if wanted and not (needed.marker and "extra" in str(needed.marker)):
                continue
            unmet = _unmet(needed, wanted, seen, installed)
            if unmet:
                return f"{unmet} (for {requirement.name})"
    return None
