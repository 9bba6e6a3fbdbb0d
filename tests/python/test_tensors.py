"""A script's description of its tensors."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from aimodellib._bridge.loader import ScriptError
from aimodellib._bridge.tensors import read_signature

TENSOR = {"name": "x", "datatype": "FP32", "shape": (-1, 2)}


def read(said: Any) -> Any:
    return read_signature(SimpleNamespace(v2_metadata=lambda model: said), None, {"logger": None})


def test_a_script_without_the_function_has_no_signature() -> None:
    assert read_signature(SimpleNamespace(), None, {}) is None


def test_the_description_is_returned_as_json() -> None:
    said = {
        "platform": "sklearn",
        "inputs": [{**TENSOR, "content_type": "application/x-npy", "more": 1}],
        "outputs": (),
    }
    tensor = {"name": "x", "datatype": "FP32", "shape": [-1, 2], "content_type": "application/x-npy"}
    assert read(said) == {"platform": "sklearn", "inputs": [tensor], "outputs": []}


def test_the_function_gets_the_model_and_the_logger() -> None:
    got: list[object] = []

    def v2_metadata(model: object, logger: object) -> dict[str, object]:
        got.extend((model, logger))
        return {}

    assert read_signature(SimpleNamespace(v2_metadata=v2_metadata), "model", {"logger": "logger"}) == {}
    assert got == ["model", "logger"]


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (None, r"v2_metadata\(\) must return a dict; it returned None"),
        ({"input": []}, "a dict of inputs, outputs and platform"),
        ({"inputs": 1}, "a list of inputs; it returned 1"),
        ({"inputs": [{}]}, r"inputs\[0\] as a dict with a name"),
        ({"outputs": [{**TENSOR, "datatype": "float"}]}, r"outputs\[0\]\['datatype'\] as one of BF16, .*'float'"),
        ({"inputs": [{**TENSOR, "shape": [-2]}]}, r"inputs\[0\]\['shape'\]"),
        ({"inputs": [{**TENSOR, "content_type": 1}]}, "content_type"),
        ({"inputs": [{**TENSOR, "name": "x" * 60_000}]}, "more than 60000 bytes"),
    ],
)
def test_errors_name_invalid_descriptions(said: Any, message: str) -> None:
    with pytest.raises(ScriptError, match=message):
        read(said)
