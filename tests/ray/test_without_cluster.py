"""The parts of ``aimodellib.ray`` without a cluster."""

import asyncio
import json
import os
import re
import signal

import numpy
import pandas
import pytest
import yaml
from conftest import FOLDER, LIMIT, ROOT, eventually, processes

import aimodellib.ray
from aimodellib.ray import _replica, _server

MODEL = FOLDER / "model"


@pytest.mark.parametrize(
    ("arguments", "error", "expected"),
    [
        ({}, ValueError, "archive=model.tar.gz"),
        ({"archive": "a", "modeldir": "m"}, TypeError, "modeldir"),
        ({"archive": "a", "options": "--workers '2"}, ValueError, "--workers '2"),
        ({"archive": "a", "options": ["--workers", 2]}, ValueError, "list of strings"),
        ({"archive": "a", "deployment": "{"}, ValueError, "not JSON"),
        ({"archive": "a", "deployment": [1]}, ValueError, "mapping"),
        ({"archive": "a", "deployment": {"replicas": 2}}, TypeError, "replicas"),
    ],
)
def test_app_refuses_wrong_arguments(arguments, error, expected):
    for call in (lambda: aimodellib.ray.app(arguments), lambda: aimodellib.ray.app(**arguments)):
        with pytest.raises(error, match=re.escape(expected)):
            call()


def test_the_config_in_the_documentation_is_valid():
    from ray.serve.schema import ServeDeploySchema

    (text,) = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs/ray.md").read_text(), re.S)
    config = yaml.safe_load(yaml.safe_load(text)["spec"]["serveConfigV2"])
    (application,) = ServeDeploySchema.parse_obj(config).applications
    assert application.import_path == "aimodellib.ray:app"
    assert [deployment.name for deployment in application.deployments] == ["aimodellib"]
    assert type(aimodellib.ray.app(application.args)).__name__ == "Application"
    config["applications"][0]["deployments"][0]["max_ongoing_requests"] = "many"
    with pytest.raises(ValueError, match="max_ongoing_requests"):
        ServeDeploySchema.parse_obj(config)


def test_find_executable_uses_its_argument_then_the_variable_then_path(monkeypatch, tmp_path):
    program = tmp_path / "aimodellib"
    program.write_text("")
    program.chmod(0o755)
    monkeypatch.setenv("AIMODELLIB_BIN", str(tmp_path / "none"))
    assert _server.find_executable(str(program)) == str(program)
    with pytest.raises(FileNotFoundError, match="none' is no executable on .*AIMODELLIB_BIN"):
        _server.find_executable(None)
    monkeypatch.delenv("AIMODELLIB_BIN")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert _server.find_executable(None) == str(program)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(_server, "candidates", lambda: iter([str(tmp_path / "none")]))
    with pytest.raises(FileNotFoundError, match="'aimodellib' was not found"):
        _server.find_executable(None)


@pytest.mark.parametrize(
    ("options", "archive", "expected"),
    [([], "none.tar.gz", "none.tar.gz"), (["--wrkers", "2"], "none.tar.gz", "--wrkers"), (["--port", "1"], "none.tar.gz", "not both")],
)
def test_what_the_executable_prints_is_in_the_error(options, archive, expected):
    with pytest.raises(RuntimeError, match=f"on .* ended with [12] and said:\n[^{{]*{re.escape(expected)}"):
        _server.Server(archive, None, options, None)


@pytest.mark.parametrize(
    ("prefix", "raw", "expected"),
    [
        ("", b"/invocations", "/invocations?a=%20b"),
        ("/a", b"/a/v2/models/x%2Fy", "/v2/models/x%2Fy?a=%20b"),
        ("/a", b"/a", "/?a=%20b"),
        ("/a b", b"/a%20b/ping", "/ping?a=%20b"),
        ("/a b", b"/%61%20b/ping", "/ping?a=%20b"),
    ],
)
def test_the_route_prefix_is_removed(prefix, raw, expected):
    path = raw.decode().replace("%61", "a").replace("%20", " ").replace("%2F", "/")
    assert _replica.target_of({"root_path": prefix, "path": path, "raw_path": raw, "query_string": b"a=%20b"}) == expected


@pytest.fixture
def gate():
    """A file that keeps the model from loading while it is there."""
    yield MODEL / "gate"
    (MODEL / "gate").unlink(missing_ok=True)


def test_a_replica_is_unhealthy_while_no_worker_is_ready(archive, gate):
    replica = _replica.Replica(archive, str(MODEL))
    connection = _server.UnixConnection(replica._server.path)
    connection.request("POST", "/invocations", '{"request": 1}', {"Content-Type": "application/json"})
    worker = json.loads(connection.getresponse().read())["pid"]
    connection.close()

    async def state():
        try:
            await replica.check_health()
        except RuntimeError as error:
            return str(error)
        return "healthy"

    async def until(expected):
        for _ in range(LIMIT * 10):
            if expected in await state():
                return
            await asyncio.sleep(0.1)
        raise AssertionError(f"it never was: {expected}")

    async def check():
        assert await state() == "healthy"
        gate.touch()
        os.kill(worker, signal.SIGKILL)
        await until("/health/ready answers 503")
        gate.unlink()
        await until("healthy")

    asyncio.run(check())
    replica.__del__()
    eventually(lambda: processes() == {})


def test_predict_sends_columns_and_rows(archive):
    predict = aimodellib.ray.Predict(archive, str(MODEL), concurrency=2)
    zeros = numpy.array([b"a\0", b"", b"\0"], dtype=object)
    result = predict({"bytes": zeros, "other": numpy.array([1, 2, 3])})
    assert [result["output"].tolist(), result["status"].tolist()] == [zeros.tolist(), [200] * 3]
    assert list(result) == ["bytes", "other", "status", "output"]
    frame = predict(pandas.DataFrame({"a": [1, 2], "b": ["x", "y"]}))
    assert [json.loads(text) for text in frame["output"]] == [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]
    rows = predict({"a": numpy.array([[1.5, 2.0], [3.0, 4.0]])})
    assert [json.loads(text) for text in rows["output"]] == [{"a": [1.5, 2.0]}, {"a": [3.0, 4.0]}]
    bad = predict({"text": numpy.array(["é"]), "bytes": numpy.array([b'"bad"']), "path": numpy.array(["x.json"])})
    assert (bad["status"][0], json.loads(bad["output"][0])["exception"]) == (400, "ValueError")
    predict.__del__()

    texts = aimodellib.ray.Predict(archive, str(MODEL), column="t")
    assert texts({"t": numpy.array(["é", "y"])})["output"].tolist() == ["é".encode(), b"y"]
    with pytest.raises(KeyError, match="'t'.*'bytes'"):
        texts({"bytes": zeros})
    # This process is no actor: it outlives the executable.
    (child,) = [pid for pid, command in processes().items() if " serve --unix " in command]
    os.kill(child, signal.SIGKILL)
    with pytest.raises(OSError):
        eventually(lambda: texts({"t": numpy.array(["x"])})["status"][0] == 0)
    eventually(lambda: processes() == {})
