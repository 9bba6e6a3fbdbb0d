"""The request that a script sees, and the marks of its lines."""

import contextlib
import io
import json
import pathlib
import pickle
import re
import sys
import threading

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "python"))

from aimodellib._bridge import request
from aimodellib._bridge.demands import takes_logger
from aimodellib._bridge.request import ServedRequest, ServingLogger, here, marked

TRACE = "0af7651916cd43dd8448eb211c80319c"
TRACEPARENT = f"00-{TRACE}-b7ad6b7169203331-01"
FULL = f'{{"id":"a","traceparent":"{TRACEPARENT}","tracestate":"b=1","custom_attributes":"\\"c\\""}}'.encode()


class Client:
    def __init__(self, request_id):
        self.request_id = request_id
        self.gone = set()

    def is_gone(self, request_id):
        return request_id in self.gone


@pytest.fixture(autouse=True)
def no_request():
    request.marks.secret = "s3"
    yield
    request.marks.secret = ""
    here.request = here.served = None
    request.of_task.set(None)


def test_a_request_has_the_fields_that_the_supervisor_sent():
    full = ServedRequest(FULL, None)
    assert (full.id, full.traceparent, full.tracestate, full.custom_attributes) == (
        "a",
        TRACEPARENT,
        "b=1",
        '"c"',
    )
    bare = ServedRequest(b'{"id":"b"}', None)
    assert (bare.id, bare.traceparent, bare.tracestate, bare.custom_attributes) == (
        "b",
        None,
        None,
        None,
    )
    assert ServedRequest(b"", None).id == ""


def test_a_request_of_a_trace_that_is_not_sampled_says_so(monkeypatch):
    monkeypatch.setattr(request.traces, "on", True)
    here.request = (b'{"id":"a"}', None)
    served = ServingLogger().request
    assert re.fullmatch(r"00-[0-9a-f]{16}ffff[0-9a-f]{12}-[0-9a-f]{16}-00", served.traceparent)
    assert ServingLogger().request.traceparent == served.traceparent
    assert ServedRequest(b'{"id":"a"}', None).traceparent != served.traceparent
    assert marked("line\n") == "\x1e[s3 i a]\x1eline\n"
    assert ServedRequest(FULL, None).traceparent == TRACEPARENT


def test_a_request_is_cancelled_when_its_own_client_has_left():
    client = Client(7)
    seventh = ServedRequest(b"{}", client)
    client.request_id = 8
    client.gone.add(8)
    assert not seventh.cancelled
    client.gone.add(7)
    assert seventh.cancelled
    assert not ServedRequest(b"{}", None).cancelled


def test_lines_are_marked_with_request_and_trace():
    assert marked("no request\n") == "no request\n"
    here.request = (b'{"id":"a"}', None)
    assert marked("one\ntwo") == "\x1e[s3 i a]\x1eone\n\x1e[s3 i a]\x1etwo"
    assert marked("") == ""
    here.request = (FULL, None)
    assert marked("\n") == f"\x1e[s3 i a {TRACE}]\x1e\n"
    here.request = (b"", None)
    assert marked("nothing is known\n") == "nothing is known\n"


def test_lines_are_not_marked_without_a_secret():
    request.marks.secret = ""
    here.request = (FULL, None)
    assert marked("one\n") == "one\n"


def test_the_logger_marks_its_lines_and_has_the_request(monkeypatch, capfd):
    monkeypatch.setattr(sys, "stdout", open(1, "w", encoding="utf-8", closefd=False))
    logger = ServingLogger()
    assert logger.request is None
    here.request = (FULL, None)
    assert logger.request.id == "a"
    logger.log("one", "two", sep="\n", level=logger.WARNING, flush=True)
    assert capfd.readouterr().out == f"\x1e[s3 w a {TRACE}]\x1e[WARNING] one\n\x1e[s3 w a {TRACE}]\x1etwo\n"


@pytest.mark.parametrize(
    ("method", "letter"),
    [("debug", "d"), ("info", ""), ("warning", "w"), ("error", "e"), ("exception", "e"), ("critical", "c")],
)
def test_the_logger_marks_levels_without_a_request(method, letter, monkeypatch, capfd):
    monkeypatch.setattr(sys, "stdout", open(1, "w", encoding="utf-8", closefd=False))
    logger = ServingLogger()
    getattr(logger, method)("one\ntwo")
    logger.log("plain")
    logger.log("odd", level="LOUD")
    sys.stdout.flush()
    mark = f"\x1e[s3 {letter}]\x1e" if letter else ""
    level = "ERROR" if method == "exception" else method.upper()
    assert capfd.readouterr().out == f"{mark}[{level}] one\n{mark}two\nplain\n[LOUD] odd\n"


def test_captured_output_has_no_mark(tmp_path):
    here.request = (FULL, None)
    logger = ServingLogger()
    with contextlib.redirect_stdout(io.StringIO()) as output:
        logger.log("kept")
    assert output.getvalue() == "kept\n"
    with open(tmp_path / "file", "w+", encoding="utf-8") as file:
        with contextlib.redirect_stdout(file):
            logger.log("kept")
        file.seek(0)
        assert file.read() == "kept\n"


def test_each_thread_has_its_own_request():
    here.request = (b'{"id":"a"}', None)
    found = []
    thread = threading.Thread(target=lambda: found.append(ServingLogger().request))
    thread.start()
    thread.join()
    assert found == [None]


def test_the_request_of_a_task_takes_precedence_over_that_of_its_thread():
    here.request = (b'{"id":"a"}', None)
    request.of_task.set((b'{"id":"b"}', None))
    assert ServingLogger().request.id == "b"


HEAD = (
    b'{"id":"a"}\nPOST /models/a%20b/invocations?threshold=0.5&n=1&n=%C3%A4+b&empty=&bad=%ff\n'
    b"host:127.0.0.1\nx-tenant:a\nx-tenant:b:c\ncookie:a=1\ncookie:b=2\nx-german:gr\xc3\xbcn \xc2\x85 \xc2\xa0\nempty:"
)


def test_a_request_has_its_method_path_and_query():
    served = ServedRequest(HEAD, None)
    assert (served.id, served.method, served.path) == ("a", "POST", "/models/a%20b/invocations")
    assert served.query == {"threshold": "0.5", "n": "\u00e4 b", "empty": "", "bad": "\ufffd"}
    assert (served.query.all("n"), served.query.all("none")) == (["1", "\u00e4 b"], [])
    assert served.headers == {
        "host": "127.0.0.1",
        "x-tenant": "a, b:c",
        "cookie": "a=1; b=2",
        "x-german": "gr\u00fcn \x85 \xa0",
        "empty": "",
    }
    assert served.headers is served.headers
    assert served.query is served.query


def test_names_of_headers_are_case_insensitive():
    headers = ServedRequest(HEAD, None).headers
    assert (headers["X-Tenant"], headers.get("HOST"), headers.get("Accept"), headers.get("Accept", "*/*")) == (
        "a, b:c",
        "127.0.0.1",
        None,
        "*/*",
    )
    assert "X-Tenant" in headers
    assert "Accept" not in headers
    assert 3 not in headers
    with pytest.raises(KeyError):
        headers["Accept"]


def test_headers_and_query_can_be_written_as_json_and_pickled():
    served = ServedRequest(HEAD, None)
    for found in (served.headers, served.query):
        assert json.loads(json.dumps(found)) == found
        assert pickle.loads(pickle.dumps(found)) == found
        assert dict(found) == found


def test_a_request_without_a_head_has_empty_fields():
    served = ServedRequest(b'{"id":"a"}', None)
    assert (served.method, served.path, served.query, served.headers) == ("", "", {}, {})


def test_the_logger_gives_the_same_request_until_the_next_one():
    logger = ServingLogger()
    here.request = (HEAD, None)
    first = logger.request
    assert logger.request is first
    # A request with the same bytes is still another request.
    here.request = (HEAD, Client(1))
    assert logger.request is not first


class TakesNone:
    def deserialize(self, data, content_type): ...

    def predict(self, data, model): ...

    def serialize(self, data, accepted): ...


@pytest.mark.parametrize("name", ["load", "deserialize", "predict", "serialize", "predict_batch", "v2_metadata"])
def test_takes_logger_is_true_if_any_function_takes_a_logger(name):
    script = TakesNone()
    script.load = print
    assert not takes_logger(script)
    setattr(script, name, lambda first, logger=None: None)
    assert takes_logger(script)
    setattr(script, name, lambda first, **more: None)
    assert takes_logger(script)
