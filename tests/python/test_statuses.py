"""The statuses and headers that exceptions choose."""

import http
import itertools
import json
import pathlib
import sys
from collections.abc import Mapping

import numpy
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "python"))

from aimodellib._bridge import frames
from aimodellib._bridge.answer import raised
from aimodellib._bridge.handler import Handler
from aimodellib._bridge.statuses import MAX_HEADER_BYTES, MAX_HEADERS, status_of


def an_error(**attributes):
    error = Exception("text")
    vars(error).update(attributes)
    return error


@pytest.mark.parametrize("name", ["status", "status_code"])
@pytest.mark.parametrize("value", [400, 422, 599, http.HTTPStatus.CONFLICT, numpy.int64(429)])
def test_an_integer_sets_the_status(name, value):
    found = status_of(an_error(**{name: value}))
    assert found == {"status": int(value), "headers": []}
    assert type(found["status"]) is int
    json.dumps(found)


@pytest.mark.parametrize("name", ["status", "status_code"])
@pytest.mark.parametrize(
    "value", [None, True, False, numpy.True_, 399, 600, 200, 0, -422, 422.0, "422", b"422", [422], object()]
)
def test_only_integers_from_400_to_599_are_statuses(name, value):
    assert status_of(an_error(**{name: value})) == {}


def test_integers_of_any_size_are_handled():
    assert status_of(an_error(status=10**5000)) == {}
    assert status_of(an_error(status=429, headers={"Retry-After": 10**5000}))["status"] == 429


def test_status_code_counts_when_status_is_invalid_and_vice_versa():
    assert status_of(an_error(status="error", status_code=404))["status"] == 404
    assert status_of(an_error(status=404, status_code=None))["status"] == 404


def test_code_does_not_set_the_status():
    assert status_of(an_error(code=404)) == {}
    assert status_of(SystemExit(404)) == {}


def test_an_attribute_of_the_class_sets_the_status():
    class Busy(RuntimeError):
        status = 429
        headers = {"Retry-After": 3}  # noqa: RUF012

    assert status_of(Busy()) == {"status": 429, "headers": [("Retry-After", "3")]}


def test_werkzeugs_exceptions_have_their_status_and_headers():
    werkzeug = pytest.importorskip("werkzeug.exceptions")
    assert status_of(werkzeug.Conflict())["status"] == 409
    assert ("Retry-After", "7") in status_of(werkzeug.TooManyRequests(retry_after=7))["headers"]
    assert ("Allow", "GET, HEAD") in status_of(werkzeug.MethodNotAllowed(["GET", "HEAD"]))["headers"]


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (None, []),
        ({"Retry-After": "3"}, [("Retry-After", "3")]),
        ({"Retry-After": 3}, [("Retry-After", "3")]),
        ([("a", "b"), ["c", "d"]], [("a", "b"), ("c", "d")]),
        ({"a": None, "b": True, "c": 1.5, "d": b"x", "e": ["x"]}, [(name, None) for name in "abcde"]),
        ({1: "a", b"b": "c", None: "d", "e": "f"}, [("e", "f")]),
        ("Retry-After: 3", []),
        (b"Retry-After", []),
        (3, []),
        ([("a",)], []),
        ([1, 2], []),
        ({f"x-{number}": "y" for number in range(100)}, [(f"x-{number}", "y") for number in range(MAX_HEADERS)]),
    ],
)
def test_headers_are_pairs_of_text(headers, expected):
    assert status_of(an_error(status=429, headers=headers)) == {"status": 429, "headers": expected}


def test_headers_fit_into_a_frame():
    for size in (MAX_HEADER_BYTES, 10**6):
        for letter in ("x", "\u00e4", "\U0001f600"):
            error = an_error(status=429, headers={"a": "b", "x": letter * size})
            assert status_of(error)["headers"] == [("a", "b")]
    # Together with the longest message.
    error = Exception("\U0001f600" * 10_000)
    vars(error).update(status=429, headers={f"x-{number}": "\U0001f600" * 40 for number in range(20)})
    assert len(raised("predict", error)[1]) < 0xFFFF


class Endless(Mapping):
    def __getitem__(self, key):
        return "x"

    def __iter__(self):
        return (f"x-{number}" for number in itertools.count())

    def __len__(self):
        return 1


class Fails(Mapping):
    def __getitem__(self, key):
        raise SystemExit("no value")

    def __iter__(self):
        return iter("ab")

    def __len__(self):
        return 2


class Hostile(Exception):
    @property
    def status(self):
        raise RecursionError("no status")


class HostileHeaders(Exception):
    status = 418

    @property
    def headers(self):
        raise GeneratorExit("no headers")


def test_attributes_that_raise_or_never_end_are_harmless():
    assert len(status_of(an_error(status=418, headers=Endless()))["headers"]) == MAX_HEADERS
    assert status_of(an_error(status=418, headers=Fails())) == {"status": 418, "headers": []}
    assert status_of(Hostile()) == {}
    assert status_of(HostileHeaders()) == {"status": 418, "headers": []}


class Script:
    def deserialize(self, data, content_type):
        return data

    def predict(self, data, model):
        if data == b"bad":
            raise an_error(status=422)
        return data

    def predict_batch(self, data, model):
        if b"raise" in data:
            raise an_error(status=429)
        return [an_error(status=409) if item == b"conflict" else self.predict(item, model) for item in data]

    def serialize(self, data, accepted):
        return data, "text/plain"


def batch(*bodies):
    answers = Handler(Script(), {"logger": None}, 1000).invoke_batch([(b"", body) for body in bodies])
    return [json.loads(text) if kind == frames.ERROR else body for kind, text, body in answers]


def test_each_request_of_a_batch_gets_its_own_status(capfd):
    good, bad, other = batch(b"good", b"bad", b"other")
    assert (good, bad["status"], bad["stage"], other) == (b"good", 422, "predict", b"other")
    (alone,) = batch(b"raise")
    assert (alone["status"], alone["stage"]) == (429, "predict_batch")


def test_an_output_that_is_an_exception_fails_only_its_own_request(capfd):
    answers = Handler(Script(), {"logger": None}, 1000).invoke_batch([(b"", b"good"), (b"", b"conflict")])
    assert answers[1][2].endswith(b"Exception: text")
    good, conflict, other = batch(b"good", b"conflict", b"other")
    assert (good, other) == (b"good", b"other")
    assert (conflict["status"], conflict["stage"], conflict["type"]) == (409, "predict_batch", "Exception")
