"""aimodellib.metrics: what scripts count, and the reports that serve collects."""

import copy
import json
import math
import os
import pathlib
import pickle
import signal
import subprocess
import sys
import threading
import time

import pytest

PACKAGE = pathlib.Path(__file__).resolve().parents[2] / "python"
sys.path.insert(0, str(PACKAGE))

from aimodellib._bridge import frames
from aimodellib.metrics import _declare, counter, gauge, histogram
from aimodellib.metrics._family import MAX_METRICS, MAX_SERIES, MAX_VALUE


@pytest.fixture(autouse=True)
def no_metrics(monkeypatch):
    monkeypatch.setattr(_declare, "_families", {})


def report():
    """Return what has changed: for each metric, its series."""
    body = _declare.take_report()
    return {
        metric["name"]: [(tuple(key), value) for key, value in metric["series"]] for metric in json.loads(body or "[]")
    }


def test_a_counter_reports_what_was_added_since_the_last_report():
    seen = counter("digits_seen", "Digits seen", labels=["digit"])
    seen.inc(digit="7")
    seen.inc(2, digit=7)
    seen.inc(0.5, digit="8")
    assert json.loads(_declare.take_report()) == [
        {
            "name": "digits_seen",
            "help": "Digits seen",
            "type": "counter",
            "labels": ["digit"],
            "overflowed": 0,
            "series": [[["7"], 3], [["8"], 0.5]],
        }
    ]
    assert _declare.take_report() == b""
    seen.inc(digit="8")
    assert report() == {"digits_seen": [(("8",), 1)]}


def test_a_report_is_the_recorded_one():
    fixture = json.loads((PACKAGE.parent / "tests/fixtures/frames.json").read_text(encoding="utf-8"))
    [recorded] = [frame["body"] for frame in fixture["frames"] if frame["name"] == "STATS with metrics of the script"]
    counter("digits_seen", "Digits seen", labels=["digit"]).inc(3, digit="7")
    gauge("queue_length", aggregate="max").set(math.inf)
    score = histogram("score", buckets=[0.5, 1])
    for value in (0.5, 2, 2):
        score.observe(value)
    assert _declare.take_report() == bytes.fromhex(recorded)


def test_a_counter_without_labels_is_reported_before_it_counts():
    counter("a")
    counter("b", labels=["x"])
    gauge("c")
    histogram("d")
    assert report() == {"a": [((), 0)]}


def test_a_gauge_reports_its_value_and_a_histogram_the_counts_of_its_buckets():
    entries = gauge("entries", labels=["of"], aggregate="max")
    entries.set(5, of="a")
    entries.inc(of="a")
    entries.dec(2, of="a")
    entries.set(math.inf, of="b")
    entries.set(math.nan, of="c")
    score = histogram("score", buckets=[0.5, 1, math.inf])
    for value in (0.5, 0.6, 7, math.nan, math.inf):
        score.observe(value)
    first, second = json.loads(_declare.take_report())
    assert (first["aggregate"], first["series"]) == ("max", [[["a"], 4], [["b"], "Infinity"], [["c"], "NaN"]])
    assert (second["limits"], second["series"]) == ([0.5, 1], [[[], [1, 1, 3, 8.1]]])
    entries.inc(of="a")
    score.observe(1)
    assert report() == {"entries": [(("a",), 5)], "score": [((), [0, 1, 0, 1])]}


def test_a_histogram_counts_the_time_of_a_block_even_if_it_raises():
    took = histogram("took", labels=["step"])
    with pytest.raises(OSError), took.time(step="read"):
        raise OSError
    [(key, value)] = report()["took"]
    assert key == ("read",)
    assert sum(value[:-1]) == 1
    assert 0 < value[-1] < 10


def test_the_same_declaration_returns_the_same_metric_and_another_one_is_refused():
    assert counter("a", labels=["x"]) is counter("a", "help", labels=("x",))
    assert gauge("b") is gauge("b")
    assert histogram("c") is histogram("c")
    for declare in (
        lambda: counter("a"),
        lambda: gauge("a", labels=["x"]),
        lambda: gauge("b", aggregate="max"),
        lambda: histogram("c", buckets=[1]),
        lambda: counter("c_count"),
        lambda: histogram("a_sum", labels=["x"]) and counter("a_sum_bucket"),
    ):
        with pytest.raises(ValueError, match="already declared|would have series"):
            declare()


def test_a_pickle_and_a_copy_of_a_metric_are_the_metric_itself():
    for metric in (counter("a", labels=["x"]), gauge("b", aggregate="max"), histogram("c", "Of c", buckets=[1, 2])):
        pickled = pickle.dumps(metric)
        assert pickle.loads(pickled) is metric
        assert copy.deepcopy(metric) is metric
    _declare._families.clear()
    other = pickle.loads(pickled)
    assert other is histogram("c", buckets=[1, 2])
    assert other.help == "Of c"


@pytest.mark.parametrize("name", ["", "1a", "a-b", "a b", "ä", "a\n", "a{}", "aimodellib_a", "process_a", "a" * 201])
def test_a_name_that_is_not_allowed_is_refused(name):
    for declare in (counter, gauge, histogram):
        with pytest.raises(ValueError, match="Prometheus allows no metric|needs another name"):
            declare(name)


@pytest.mark.parametrize(
    "labels", [["1a"], ["a-b"], ["__a"], ["model"], ["a", "a"], [""], [f"l{i}" for i in range(11)], "digit", ["a\n"]]
)
def test_labels_that_are_not_allowed_are_refused(labels):
    with pytest.raises(ValueError, match="label"):
        counter("a", labels=labels)


def test_a_histogram_refuses_the_label_le_and_buckets_that_are_not_ascending():
    with pytest.raises(ValueError, match="le"):
        histogram("a", labels=["le"])
    for buckets in ([], [math.inf], [1, 1], [2, 1], [math.nan], [-math.inf, 1], range(101)):
        with pytest.raises(ValueError, match="buckets"):
            histogram("a", buckets=buckets)
    with pytest.raises(ValueError, match="aggregate='avg'"):
        gauge("a", aggregate="avg")


def test_calls_with_wrong_labels_or_amounts_are_refused_and_count_nothing():
    seen = counter("seen", labels=["a", "b"])
    for labels in ({}, {"a": 1}, {"a": 1, "c": 2}, {"a": 1, "b": 2, "c": 3}):
        with pytest.raises(ValueError, match=r"'seen' has the labels: a, b; the call has: "):
            seen.inc(**labels)
    for amount in (-1, math.nan):
        with pytest.raises(ValueError, match="only grows"):
            seen.inc(amount, a=1, b=2)
    assert report() == {}


def test_labels_may_have_the_names_of_parameters():
    seen = counter("seen", labels=["self", "amount", "class"])
    seen.inc(2, **{"self": 1, "amount": 2, "class": 3})
    assert report() == {"seen": [(("1", "2", "3"), 2)]}


def test_series_beyond_the_limit_are_counted_in_one_and_a_warning_says_so_once(capsys):
    seen = counter("seen", labels=["user", "page"])
    for user in range(MAX_SERIES + 10):
        seen.inc(user=user, page="p")
    seen.inc(user=0, page="p")
    [metric] = json.loads(_declare.take_report())
    series = {tuple(key): value for key, value in metric["series"]}
    assert len(series) == MAX_SERIES + 1
    assert series[("_other", "_other")] == 10
    assert series[("0", "p")] == 2
    assert metric["overflowed"] == 10
    seen.inc(user="new", page="p")
    assert report() == {"seen": [(("_other", "_other"), 1)]}
    assert capsys.readouterr().err.count("seen") == 1


def test_declarations_beyond_the_limit_are_refused():
    for number in range(MAX_METRICS):
        counter(f"c{number}")
    with pytest.raises(ValueError, match="at most 100 metrics"):
        counter("another")
    counter("c0").inc()


def test_long_label_values_are_cut_and_those_that_utf_8_can_not_encode_replaced():
    seen = counter("seen", labels=["text"])
    seen.inc(text="a" * 10_000)
    seen.inc(text="a" * 20_000)
    seen.inc(text="é\udc80")
    assert report() == {"seen": [(("a" * (MAX_VALUE - 1) + "…",), 2), (("é?",), 1)]}


def test_threads_and_reports_at_once_lose_nothing():
    seen = counter("seen", labels=["x"])
    score = histogram("score", buckets=[1])
    totals = {"seen": 0, "score": 0}

    def take():
        for name, series in report().items():
            for _, value in series:
                totals[name] += sum(value[:-1]) if isinstance(value, list) else value

    def work():
        for number in range(5000):
            seen.inc(x=number % 3)
            score.observe(number % 2)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        take()
    take()
    assert totals == {"seen": 20_000, "score": 20_000}


def test_a_signal_handler_counts_while_the_lock_is_held():
    seen = counter("seen")
    before = signal.signal(signal.SIGUSR1, lambda *_: seen.inc())
    try:
        with _declare.LOCK:
            signal.raise_signal(signal.SIGUSR1)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert report() == {"seen": [((), 1)]}


def test_a_forked_process_counts_although_another_thread_held_the_lock():
    source = """
import os, threading, sys
from aimodellib.metrics import counter
from aimodellib.metrics._family import LOCK
seen = counter("seen")
stop = threading.Event()
def work():
    while not stop.is_set():
        with LOCK: seen.inc()
threading.Thread(target=work, daemon=True).start()
for _ in range(20):
    pid = os.fork()
    if pid == 0:
        seen.inc()
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
stop.set()
"""
    env = {**os.environ, "PYTHONPATH": str(PACKAGE)}
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", source], env=env, timeout=60, capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")


SCRIPT = """
from aimodellib.metrics import counter
loaded = counter("loaded")
seen = counter("seen", labels=["what"])
def load(model_dir):
    loaded.inc()
def deserialize(data, content_type): return data
def predict(data, model):
    seen.inc(what=data.decode())
    return data
def serialize(data, accepted): return data, "text/plain"
"""


@pytest.mark.parametrize("more", [{}, {"threads": 2}], ids=["serial", "threads"])
def test_a_worker_reports_the_metrics_of_its_script(tmp_path, more):
    from supervisor import Supervisor

    counted = {}

    def read_until(wanted, ask=True):
        """Read frames until this was counted. The worker also reports about once a second without being asked."""
        deadline = time.monotonic() + 20
        while counted != wanted:
            assert time.monotonic() < deadline, counted
            if ask:
                supervisor.send(frames.STATS)
            received, supervisor.waiting = supervisor.waiting or supervisor.reader.read(), []
            for kind, _, _, body in received:
                for metric in json.loads(body) if kind == frames.STATS and body else ():
                    for key, value in metric["series"]:
                        name = " ".join([metric["name"], *key])
                        counted[name] = counted.get(name, 0) + value

    with Supervisor(tmp_path) as supervisor:
        supervisor.receive()
        supervisor.start(SCRIPT, **more)
        assert supervisor.receive()[0] == frames.READY
        read_until({"loaded": 1})
        supervisor.send(frames.INVOKE, 1, b"{}", b"a")
        read_until({"loaded": 1, "seen a": 1})
        supervisor.send(frames.INVOKE, 2, b"{}", b"b")
        supervisor.send(frames.STOP)
        read_until({"loaded": 1, "seen a": 1, "seen b": 1}, ask=False)
        assert supervisor.end()[0] == 0


def test_a_script_without_metrics_imports_nothing_for_them(tmp_path):
    from supervisor import Supervisor

    source = SCRIPT.replace("from aimodellib.metrics import counter", "import sys").replace("loaded = counter", "#")
    source = source.replace("seen = counter", "#").replace("loaded.inc()", "pass")
    source = source.replace(
        "seen.inc(what=data.decode())", "data = str([m for m in sys.modules if 'metrics' in m]).encode()"
    )
    with Supervisor(tmp_path) as supervisor:
        supervisor.receive()
        supervisor.start(source)
        assert supervisor.receive()[0] == frames.READY
        supervisor.send(frames.INVOKE, 1, b"{}", b"a")
        assert supervisor.receive()[3] == b"[]"
