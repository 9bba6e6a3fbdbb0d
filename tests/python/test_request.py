"""What a script is told of its request, and what its lines are marked with."""

import io
import pathlib
import sys
import threading

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "python"))

from aimodellib._bridge import request
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
    yield
    here.request = None
    request.of_task.set(None)


def test_a_request_has_what_the_supervisor_said():
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


def test_a_request_is_cancelled_when_its_own_client_has_left():
    client = Client(7)
    seventh = ServedRequest(b"{}", client)
    client.request_id = 8
    client.gone.add(8)
    assert not seventh.cancelled
    client.gone.add(7)
    assert seventh.cancelled
    assert not ServedRequest(b"{}", None).cancelled


def test_lines_are_marked_with_the_request_and_its_trace():
    assert marked("no request\n") == "no request\n"
    here.request = (b'{"id":"a"}', None)
    assert marked("one\ntwo") == "\x1e[a]\x1eone\n\x1e[a]\x1etwo"
    assert marked("") == ""
    here.request = (FULL, None)
    assert marked("\n") == f"\x1e[a {TRACE}]\x1e\n"
    here.request = (b"", None)
    assert marked("nothing is known\n") == "nothing is known\n"


def test_the_logger_marks_what_it_prints_and_knows_the_request(monkeypatch):
    output = io.StringIO()
    monkeypatch.setattr(sys, "stdout", output)
    logger = ServingLogger()
    assert logger.request is None
    here.request = (FULL, None)
    assert logger.request.id == "a"
    logger.log("one", "two", sep="\n", level=logger.WARNING)
    assert output.getvalue() == f"\x1e[a {TRACE}]\x1e[WARNING] one\n\x1e[a {TRACE}]\x1etwo\n"


def test_a_threads_request_is_not_that_of_another():
    here.request = (b'{"id":"a"}', None)
    found = []
    thread = threading.Thread(target=lambda: found.append(ServingLogger().request))
    thread.start()
    thread.join()
    assert found == [None]


def test_a_tasks_request_comes_before_that_of_its_thread():
    here.request = (b'{"id":"a"}', None)
    request.of_task.set((b'{"id":"b"}', None))
    assert ServingLogger().request.id == "b"
