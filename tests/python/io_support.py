"""Helpers for the tests of ``aimodellib.io``."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "python"))

import aimodellib.io
from aimodellib.io import _csv, _images, _reading, _wav, _writing


def status(body, content_type="application/json"):
    """Return the status and the message with which a body is refused."""
    with pytest.raises(aimodellib.io.InputError) as caught:
        aimodellib.io.deserialize(body, content_type)
    return caught.value.status, str(caught.value)


def answer(value, accepted="*/*"):
    """Return the bytes of a result, and their content type."""
    result = aimodellib.io.serialize(value, accepted)
    assert result is not None, f"no form for {accepted}"
    return result


def again(value, accepted):
    """Return the value that a client reads with the same readers."""
    return aimodellib.io.deserialize(*answer(value, accepted))


@pytest.fixture
def without(monkeypatch):
    """Return a function that hides packages, as if they were not installed."""

    def hide(*names):
        real = _reading.has
        _reading._reader_of.cache_clear()
        for module in (_csv, _images, _reading, _wav, _writing, sys.modules.get("aimodellib.io._tables")):
            if module is not None:
                monkeypatch.setattr(module, "has", lambda name: name not in names and real(name))

    yield hide
    _reading._reader_of.cache_clear()
