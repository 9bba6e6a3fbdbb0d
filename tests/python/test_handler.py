"""One request through a script's functions."""

import json
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "python"))

from aimodellib._bridge import frames
from aimodellib._bridge.frames import ProtocolError
from aimodellib._bridge.answer import MAX_MESSAGE
from aimodellib._bridge.handler import MAX_CACHED, Handler
from aimodellib._bridge.failures import MAX_TRACEBACK
from aimodellib._bridge.parts import without_events

JSON = b'{"content_type":"application/json","accept":"text/plain"}'


class Script:
    """A script that echoes its input, with functions that a test can replace."""

    def deserialize(self, data, content_type):
        return data, content_type

    def predict(self, data, model):
        return (*data, model)

    def serialize(self, data, accepted):
        return repr((*data, accepted)).encode(), "text/plain"


def handler(max_body=1000, **functions):
    script = Script()
    for name, function in functions.items():
        setattr(script, name, function)
    made = Handler(script, {"logger": None}, max_body)
    made.model = "model"
    return made


def refusal(made, metadata=b"", body=b""):
    kind, text, payload = made.invoke(metadata, body)
    assert kind == frames.ERROR
    refused = json.loads(text)
    assert (payload != b"") == (refused["reason"] == "exception"), "an exception has its traceback"
    return refused


def raising(error):
    def function(*args):
        raise error

    return function


def test_a_request_passes_through_all_functions():
    kind, metadata, body = handler().invoke(JSON, b"data")
    assert (kind, json.loads(metadata)) == (frames.RESULT, {"content_type": "text/plain"})
    assert body == b"(b'data', 'application/json', 'model', 'text/plain')"


@pytest.mark.parametrize("metadata", [b"", b"{}"])
def test_missing_fields_of_a_request_have_defaults(metadata):
    assert handler().invoke(metadata, b"")[2] == b"(b'', 'application/octet-stream', 'model', '*/*')"


@pytest.mark.parametrize("stage", ["deserialize", "predict", "serialize"])
@pytest.mark.parametrize(
    "error",
    [ValueError("bad\u2603"), SystemExit(3), GeneratorExit("g"), KeyboardInterrupt("k"), StopIteration(1), StopAsyncIteration()],
)
def test_an_exception_is_reported_with_its_stage(stage, error, capfd):
    assert refusal(handler(**{stage: raising(error)})) == {
        "reason": "exception",
        "message": str(error),
        "stage": stage,
        "type": type(error).__name__,
    }


def test_the_traceback_of_an_exception_starts_at_the_first_frame_of_the_script(capfd):
    def predict(data, model):
        raise ValueError("two\nlines") from KeyError("cause")

    kind, _, traceback = handler(predict=predict).invoke(b"", b"")
    lines = traceback.decode().split("\n")
    assert lines[0] == "KeyError: 'cause'"
    begin = lines.index("Traceback (most recent call last):")
    assert lines[begin + 1].endswith("in predict")
    assert lines[-2:] == ["ValueError: two", "lines"]
    assert capfd.readouterr() == ("", ""), "nothing is printed"


def test_a_long_traceback_keeps_its_beginning_and_its_end(capfd):
    traceback = handler(predict=raising(ValueError("\u2603" * 1_000_000 + "end"))).invoke(b"", b"")[2]
    assert MAX_TRACEBACK < len(traceback) < MAX_TRACEBACK + 100
    text = traceback.decode()
    assert text.startswith("Traceback") and text.endswith("\u2603end")
    assert "bytes are left out here" in text


def test_a_long_message_is_shortened_to_the_limit(capfd):
    assert len(refusal(handler(predict=raising(ValueError("\u2603" * 100_000))))["message"]) == MAX_MESSAGE


def test_none_from_serialize_means_that_no_format_is_acceptable():
    made = handler(serialize=lambda data, accepted: None)
    assert refusal(made, JSON) == {
        "reason": "not_acceptable",
        "message": "serialize() has no format that fits 'text/plain'",
    }


@pytest.mark.parametrize(
    ("result", "shown"),
    [
        ("text", "str"),
        (b"bytes", "bytes"),
        (("text", "text/plain"), "(str, str)"),
        ((b"", None), "(bytes, NoneType)"),
        ((b"", "a", "b"), "(bytes, str, str)"),
        ([b"", "a"], "list"),
    ],
)
def test_anything_but_bytes_and_a_content_type_is_a_bad_result(result, shown, capfd):
    answer = refusal(handler(serialize=lambda data, accepted: result))
    assert answer["reason"] == "bad_result"
    assert answer["message"] == f"serialize() must return (bytes, content type) or None; it returned {shown}"


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_any_bytes_like_object_is_a_result(kind):
    body = handler(serialize=lambda data, accepted: (kind(b"x"), "a/b")).invoke(b"", b"")[2]
    assert bytes(body) == b"x"


def test_an_answer_over_the_limit_is_too_large(capfd):
    made = handler(max_body=3, serialize=lambda data, accepted: (data[0], "a/b"))
    assert made.invoke(b"", b"123")[0] == frames.RESULT
    assert refusal(made, b"", b"1234") == {
        "reason": "too_large",
        "message": "The answer of 4 bytes is over the limit of 3",
    }


def test_a_content_type_that_is_too_long_is_a_bad_result(capfd):
    assert refusal(handler(serialize=lambda data, accepted: (b"", "x" * 70_000)))["reason"] == "bad_result"


def test_metadata_that_can_not_be_parsed_is_a_protocol_error():
    with pytest.raises(ProtocolError):
        handler().invoke(b"{", b"")


def test_the_cache_of_headers_is_bounded():
    made = handler(serialize=lambda data, accepted: (b"", accepted))
    for n in range(MAX_CACHED + 50):
        kind, metadata, _ = made.invoke(json.dumps({"accept": f"a/{n}"}).encode(), b"")
        assert (kind, json.loads(metadata)["content_type"]) == (frames.RESULT, f"a/{n}")
    assert len(made._requests) == len(made._results) == MAX_CACHED


TIMED = b'{"content_type":"application/json","accept":"text/plain","timing":true}'


def test_an_answer_has_the_times_of_the_functions_if_its_request_asks_for_them():
    made = handler()
    for _ in range(2):
        kind, metadata, body = made.invoke(TIMED, b"data")
        found = json.loads(metadata)
        assert kind == frames.RESULT and body == b"(b'data', 'application/json', 'model', 'text/plain')"
        assert found["content_type"] == "text/plain"
        assert len(found["times"]) == 3 and all(0 <= seconds < 60 for seconds in found["times"])
        # The metadata of other answers are not affected.
        assert "times" not in json.loads(made.invoke(JSON, b"data")[1])


def test_an_answer_of_a_batch_has_times_if_its_request_asks_for_them():
    made = handler(predict_batch=lambda data, model: [(*one, model) for one in data])
    answers = made.invoke_batch([(TIMED, b"a"), (JSON, b"b"), (TIMED, b"c")])
    assert ["times" in json.loads(metadata) for _, metadata, _ in answers] == [True, False, True]


def test_an_error_has_the_times_up_to_the_function_that_failed_if_its_request_asks_for_them():
    for count, function in enumerate(("deserialize", "predict", "serialize"), 1):
        failing = handler(**{function: raising(ValueError("bad"))})
        times = refusal(failing, TIMED)["times"]
        assert len(times) == count and all(0 <= seconds < 60 for seconds in times)
        assert "times" not in refusal(failing, JSON)
    assert len(refusal(handler(serialize=lambda data, accepted: None), TIMED)["times"]) == 3


@pytest.mark.parametrize(
    ("accepted", "of_an_item"),
    [
        ("text/event-stream", "*/*"),
        ("Text/Event-Stream; q=0.5", "*/*"),
        ("text/plain;q=0.5 , TEXT/EVENT-STREAM", "text/plain;q=0.5"),
        ("text/*, text/event-streams", "text/*, text/event-streams"),
    ],
)
def test_an_item_of_a_stream_of_events_may_have_any_other_accepted_type(accepted, of_an_item):
    assert without_events(accepted) == of_an_item
