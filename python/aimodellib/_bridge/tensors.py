"""Reads a script's description of its tensors, ``v2_metadata(model)``, for the Open Inference Protocol V2."""

from __future__ import annotations

import json
from typing import Any

from .demands import METADATA
from .loader import ScriptError, adapt

DATATYPES = frozenset(
    (
        *("BOOL", "BYTES", "FP16", "BF16", "FP32", "FP64"),
        *("UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64"),
    )
)

#: The longest description as JSON, in bytes: it must fit in the metadata of READY.
MAX_LENGTH = 60_000


def read_signature(owner: Any, model: Any, logger: dict[str, Any]) -> dict[str, Any] | None:
    """Return the checked description; None if the script has no such function.

    Raises ScriptError, which names the invalid field, and whatever the function raises.
    """
    if not callable(getattr(owner, METADATA.name, None)):
        return None
    said = adapt(owner, METADATA, METADATA.passed, logger)(model)
    if not isinstance(said, dict):
        raise _wrong("a dict", said)
    checked: dict[str, Any] = {}
    for key, value in said.items():
        if key in ("inputs", "outputs"):
            if not isinstance(value, (list, tuple)):
                raise _wrong(f"a list of {key}", value)
            checked[key] = [_tensor(item, f"{key}[{index}]") for index, item in enumerate(value)]
        elif key == "platform" and isinstance(value, str):
            checked[key] = value
        else:
            raise _wrong("a dict of inputs, outputs and platform", {key: value})
    if len(json.dumps(checked)) > MAX_LENGTH:
        raise ScriptError(f"{METADATA.name}() returned more than {MAX_LENGTH} bytes of JSON")
    return checked


def _tensor(item: Any, place: str) -> dict[str, Any]:
    if not isinstance(item, dict) or not isinstance(item.get("name"), str):
        raise _wrong(f"{place} as a dict with a name", item)
    if item.get("datatype") not in DATATYPES:
        raise _wrong(f"{place}['datatype'] as one of {', '.join(sorted(DATATYPES))}", item.get("datatype"))
    shape = item.get("shape")
    if not isinstance(shape, (list, tuple)) or not all(isinstance(size, int) and size >= -1 for size in shape):
        raise _wrong(f"{place}['shape'] as a list of sizes (-1 for any)", shape)
    content_type = item.get("content_type")
    if content_type is not None and not isinstance(content_type, str):
        raise _wrong(f"{place}['content_type'] as a str", content_type)
    named: dict[str, Any] = {"name": item["name"], "datatype": item["datatype"], "shape": list(shape)}
    return named if content_type is None else {**named, "content_type": content_type}


def _wrong(what: str, value: object) -> ScriptError:
    return ScriptError(f"{METADATA.name}() must return {what}; it returned {value!r:.200}")
