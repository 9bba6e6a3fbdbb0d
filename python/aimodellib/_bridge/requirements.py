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
    """Print a result as JSON, of ``check`` (the requirements are on standard input) or of ``list MODULE``."""
    command, *modules = arguments
    if command == "check":
        # The supervisor has decoded the file as pip does.
        result: dict[str, Any] = {"unmet": check(sys.stdin.buffer.read().decode("utf-8", "replace"))}
        result["site"] = site_folders()
        names = {name.lower() for name in packages()}
        result["bare"] = names <= {"pip", "setuptools", "wheel"}
        result["pip"], result["venv"] = _has("pip"), _has("venv")
    else:
        # As in a run, the module directory comes first.
        listed = packages([*modules, *sys.path])
        result = {"python": ".".join(map(str, sys.version_info[:3])), "packages": listed}
    json.dump(result, sys.stdout)


def _has(name: str) -> bool:
    """Whether a module can be imported, without importing it."""
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def _find(name: str) -> metadata.Distribution | None:
    """Return the package with this name, or None. PyPy, and Python before 3.10, distinguish ``a.b`` from ``a-b``."""
    from importlib import metadata

    try:
        return metadata.distribution(name)
    except metadata.PackageNotFoundError:
        named = ((distribution.metadata["Name"], distribution) for distribution in metadata.distributions())
        return next((found for other, found in named if other and canonical(other) == canonical(name)), None)


def check(text: str) -> str | None:
    """Return the first requirement that is not met, or must be left to the installer; None if all are met."""
    for line in logical_lines(text):
        if line.startswith("-") or " --" in line:
            return f"'{line}' must be read by the installer"
        # A list may need no parser. That of `packaging` takes longer to import than all else here.
        from . import pep508

        try:
            requirement = pep508.Requirement(line)
        except pep508.InvalidRequirement:
            return f"'{line}' must be read by the installer"
        if requirement.url:
            return f"'{line}' must be fetched by the installer"
        try:
            unmet = _unmet(requirement, "", set())
        except (ValueError, LookupError):
            # A marker compares values without an order, or a package has an invalid version.
            return f"'{line}' must be read by the installer"
        if unmet:
            return unmet
    return None


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


def _unmet(requirement: Requirement, extra: str, seen: set[tuple[str, str]]) -> str | None:
    """Return what this requirement, or one of its dependencies, lacks; None if nothing."""
    from . import pep508

    if requirement.marker and not requirement.marker.evaluate({"extra": extra}):
        return None
    distribution = _find(requirement.name)
    if distribution is None:
        return f"{requirement.name} is not installed"
    version = distribution.version
    if not requirement.specifier.contains(version):
        return f"{requirement.name} {version} is installed, and '{requirement}' is asked for"
    for wanted in ("", *sorted(requirement.extras)):
        key = (canonical(requirement.name), wanted)
        if key in seen:
            continue
        seen.add(key)
        for line in distribution.requires or []:
            try:
                needed = pep508.Requirement(line)
            except pep508.InvalidRequirement:
                continue
            if wanted and not (needed.marker and "extra" in str(needed.marker)):
                continue
            unmet = _unmet(needed, wanted, seen)
            if unmet:
                return f"{unmet} (for {requirement.name})"
    return None
