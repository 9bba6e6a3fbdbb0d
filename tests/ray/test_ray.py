"""``aimodellib.ray`` on a cluster of two nodes, in the order of the file: the last tests kill parts of it, and stop it."""

import http.client
import json
import os
import signal
import threading

import pytest
from conftest import FOLDER, LIMIT, eventually, parent_of, processes

import aimodellib.ray

MODEL = FOLDER / "model"
#: The most requests that Serve sends to a replica at once.
ONGOING = 4


def ask(path, body=None, headers=None, method=None):
    """Return the status, the headers and the body of a response."""
    connection = http.client.HTTPConnection("127.0.0.1", 8000, timeout=LIMIT)
    try:
        connection.request(method or ("GET" if body is None else "POST"), f"/models/echo{path}", body, headers or {})
        response = connection.getresponse()
        return response.status, response.headers, response.read()
    finally:
        connection.close()


def invoke(value):
    status, _, body = ask("/invocations", json.dumps(value), {"Content-Type": "application/json"})
    return status, json.loads(body)


def executables():
    """Return the processes that replicas have started."""
    return [pid for pid, command in processes().items() if " serve --unix " in command]


@pytest.fixture(scope="session")
def deployed(nodes, archive):
    """Two replicas, one on each node. Both need the requirements at the same time, and nothing is cached."""
    from ray.serve.scripts import cli as serve

    deployment = {
        "num_replicas": 2,
        "max_replicas_per_node": 1,
        "max_ongoing_requests": ONGOING,
        "health_check_period_s": 1,
        "health_check_timeout_s": LIMIT,
        "ray_actor_options": {"num_cpus": 1, "num_gpus": 1},
    }
    # This process has imported Ray already, which takes seconds of processor time.
    arguments = ["run", "--non-blocking", "--address", nodes.address, "--name", "echo", "--route-prefix", "/models/echo"]
    arguments += ["aimodellib.ray:app", f"archive={archive}", f"model_dir={MODEL}"]
    arguments += ["options=--workers 2 --max-body 1MB", f"deployment={json.dumps(deployment)}"]
    serve(arguments, standalone_mode=False)
    return nodes


def test_two_replicas_that_need_the_same_requirements_at_once_both_serve(deployed):
    assert len(eventually(lambda: len(executables()) == 2 and executables())) == 2
    assert len({parent_of(parent_of(pid)) for pid in executables()}) == 2, "they are on two nodes"
    seen = eventually(lambda: invoke({"request": True}))
    assert seen[0] == 200
    assert seen[1]["fox"] == "fox"
    assert seen[1]["devices"] in ("0", "1"), "the device that Ray has assigned"


def test_headers_path_and_query_reach_the_model_without_the_route_prefix(deployed):
    headers = {"Content-Type": "application/json", "X-Tenant": "blue", "Host": "example.com", "X-Request-Id": "r-7"}
    status, answered, body = ask("/invocations?a=1&b=%20x", json.dumps({"request": 1}), headers)
    seen = json.loads(body)
    assert (status, seen["path"]) == (200, "/invocations")
    got = {name.lower(): value for name, value in seen["headers"].items()}
    assert (got["x-tenant"], got["host"]) == ("blue", "example.com")
    assert answered.get_all("x-request-id") == ["r-7"]
    assert len(answered.get_all("date")) == 1
    assert answered["content-type"] == "application/json"


def test_a_body_without_a_length_reaches_the_model(deployed):
    parts = (part for part in (b'{"number"', b": 7}"))
    status, _, body = ask("/invocations", parts, {"Content-Type": "application/json"})
    assert (status, body) == (200, b'{"number": 7}')


def test_problems_are_those_of_the_executable(deployed):
    for status, path, body, member in (
        (400, "/invocations", b'"bad"', ("exception", "ValueError")),
        (404, "/nothing", None, ("detail", "No route matches '/nothing'")),
        (405, "/invocations", None, ("title", "Method Not Allowed")),
        (413, "/invocations", b"x" * 2_000_000, ("title", "Content Too Large")),
    ):
        got, headers, answer = ask(path, body, {"Content-Type": "application/json"})
        assert (got, headers["content-type"]) == (status, "application/problem+json"), answer
        assert json.loads(answer)[member[0]] == member[1]


def test_metrics_and_health_are_those_of_the_executable(deployed):
    status, headers, body = ask("/metrics")
    assert (status, headers["content-type"].split(";")[0]) == (200, "text/plain")
    assert b"\naimodellib_requests_total{" in body
    assert ask("/health/ready")[0] == 200


def test_a_client_of_the_open_inference_protocol_gets_tensors(deployed):
    import numpy
    import tritonclient.http as triton

    client = triton.InferenceServerClient("127.0.0.1:8000/models/echo")
    assert client.is_server_ready() and client.is_model_ready("echo")
    values = numpy.array([[1, 2.5], [-3, 4]], dtype=numpy.float32)
    for binary in (False, True):
        tensor = triton.InferInput("input", [2, 2], "FP32")
        tensor.set_data_from_numpy(values, binary_data=binary)
        result = client.infer("echo", [tensor], outputs=[triton.InferRequestedOutput("output", binary_data=binary)])
        assert result.as_numpy("output").tolist() == values.tolist()


def stream(parts):
    """Begin a request whose parts wait for files."""
    connection = http.client.HTTPConnection("127.0.0.1", 8000, timeout=LIMIT)
    body = json.dumps({"parts": parts})
    connection.request("POST", "/models/echo/invocations", body, {"Content-Type": "application/json"})
    return connection


def test_parts_of_a_stream_arrive_one_by_one(deployed):
    (MODEL / "one").touch()
    connection = stream(["one", "two"])
    response = connection.getresponse()
    assert response.read(5) == b'"one"'
    # Only now the model may go on.
    (MODEL / "two").touch()
    assert response.read() == b'"two"'
    connection.close()


def test_a_stream_that_fails_is_truncated(deployed):
    for name in ("one", "raise"):
        (MODEL / name).touch()
    connection = stream(["one", "raise"])
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        connection.getresponse().read()
    connection.close()


def test_the_model_notices_that_a_client_has_left(deployed):
    connection = stream(["forever"])
    response = connection.getresponse()
    assert response.read(9) == b'"forever"'
    response.close()
    connection.close()
    eventually((MODEL / "left").exists)


class Load:
    """Eight clients that send requests until the end of a ``with``, and note what they lose."""

    def __init__(self):
        self.sent, self.lost, self.wrong = 0, [], []
        self._lock = threading.Lock()
        self._end = threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(8)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._end.set()
        for thread in self._threads:
            thread.join()

    def _run(self):
        while not self._end.is_set():
            with self._lock:
                self.sent += 1
                # Both workers of both replicas are executing, and all clients wait, when something is killed.
                value = {"number": self.sent, "sleep": 0.1}
            try:
                status, answer = invoke(value)
            except (OSError, http.client.HTTPException, ValueError) as error:
                status, answer = 0, repr(error)
            if status != 200:
                self.lost.append((status, answer))
            elif answer != value:
                self.wrong.append((value, answer))

    def goes_on(self):
        """Wait until more requests have been answered."""
        goal = self.sent + 40
        eventually(lambda: self.sent >= goal)


def test_no_more_is_lost_than_what_a_killed_part_was_executing(deployed):
    with Load() as load:
        for part in ("executable", "replica", "node"):
            before = eventually(lambda: len(executables()) == 2 and executables())
            load.goes_on()
            lost = len(load.lost)
            if part == "node":
                deployed.kill_second()
            else:
                victim = before[0] if part == "executable" else parent_of(before[0])
                os.kill(victim, signal.SIGKILL)
            eventually(lambda: not set(before) <= set(executables()))
            load.goes_on()
            assert len(load.lost) - lost <= ONGOING, (part, load.lost[lost:])
    assert load.wrong == []
    assert load.sent > 240
    print(f"{load.sent} requests, {len(load.lost)} lost")


def test_data_predicts_files_although_one_is_bad_and_an_executable_is_killed(nodes, archive):
    import ray

    folder = FOLDER / "files"
    folder.mkdir()
    for number in range(400):
        text = '"bad"' if number == 123 else json.dumps({"number": number})
        if number == 200:
            # The first model that gets it kills its executable.
            text = '{"kill": "killed"}'
        (folder / f"{number:03}.json").write_text(text)
    rows = (
        ray.data.read_binary_files(str(folder), include_paths=True)
        .map_batches(
            aimodellib.ray.Predict,
            fn_constructor_args=(archive, str(MODEL)),
            batch_size=50,
            num_cpus=1,
            compute=ray.data.ActorPoolStrategy(size=2),
        )
        .take_all()
    )
    assert (MODEL / "killed").exists()
    assert len(rows) == 400
    for row in rows:
        if row["path"].endswith("/123.json"):
            problem = json.loads(row["output"])
            assert (row["status"], problem["status"], problem["message"]) == (400, 400, "this record is bad")
        else:
            assert (row["status"], json.loads(row["output"])) == (200, json.loads(row["bytes"]))


def test_a_bad_archive_says_why_it_can_not_be_served(nodes):
    from ray import serve

    (FOLDER / "junk.tar.gz").write_text("junk")
    with pytest.raises(RuntimeError, match="bad"):
        serve.run(
            aimodellib.ray.app(
                archive=str(FOLDER / "junk.tar.gz"),
                model_dir=str(MODEL),
                deployment={"max_constructor_retry_count": 1, "ray_actor_options": {"num_cpus": 0}},
            ),
            name="bad",
            route_prefix="/bad",
        )
    message = serve.status().applications["bad"].deployments["aimodellib"].message
    assert "'junk.tar.gz'" in message or f"{FOLDER}/junk.tar.gz" in message
    assert "gzip" in message


def test_nothing_is_left_at_the_end(nodes):
    nodes.stop()
    eventually(lambda: processes() == {})
    assert [path.name for path in (FOLDER / "t").iterdir() if path.name.startswith("aimodellib")] == []
