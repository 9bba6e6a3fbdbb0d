"""Builds the Serve application."""

from __future__ import annotations

import inspect
import json
from typing import Any, Mapping

from ._replica import Replica
from ._server import words_of

#: What ``app`` takes.
_KNOWN = ("archive", "model_dir", "options", "executable", "deployment")


def app(args: Mapping[str, Any] | None = None, **more: Any) -> Any:
    """Return a Serve application whose replicas serve an archive with the executable.

    The arguments are given as a mapping, as ``serve run`` and a Serve config do, or by name:

    - ``archive``: the path of a Model Archive, packed or unpacked, on every node or in the ``working_dir``.
    - ``model_dir``: the folder of the model's artifacts. An archive that contains its model needs none.
    - ``options``: options of ``aimodellib serve``: a string such as ``"--workers 2"``, or a list of strings.
    - ``executable``: the executable's path; else ``AIMODELLIB_BIN``, or ``aimodellib`` on ``PATH``.
    - ``deployment``: options of ``serve.deployment``, such as ``{"num_replicas": 2}``, as a mapping or in JSON.

    Raises TypeError for other arguments, and ValueError if ``archive`` is missing or a value can't be read.
    """
    given = {**(args or {}), **more}
    unknown = sorted(set(given) - set(_KNOWN))
    if unknown:
        raise TypeError(f"aimodellib.ray:app takes {', '.join(_KNOWN)}; not {', '.join(unknown)}")
    if not given.get("archive"):
        raise ValueError("aimodellib.ray:app needs the path of a Model Archive: archive=model.tar.gz")
    deployment = _deployment(given.pop("deployment", None))
    given["options"] = words_of(given.get("options"))

    from ray import serve

    return serve.deployment(**{"name": "aimodellib", **deployment})(Replica).bind(**given)


def _deployment(value: Any) -> dict[str, Any]:
    """Return the options of the deployment."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError as error:
            raise ValueError(f"deployment is not JSON: {error}") from None
    if not isinstance(value or {}, Mapping):
        raise ValueError(f"deployment must be a mapping of options of serve.deployment, not {value!r}")
    return dict(value or {})


# Serve accepts a function only if it has exactly one parameter.
app.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
    [inspect.Parameter("args", inspect.Parameter.POSITIONAL_OR_KEYWORD)]
)
