"""Outputs of ``predict_batch``: one for each input, in order, or an error."""

import array
import collections
import json
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "python"))

from aimodellib._bridge import frames
from aimodellib._bridge.handler import Handler
from aimodellib._bridge.outputs import NotOutputs, outputs_of


class Table:
    """A table: ``len()`` is the number of rows, and iterating yields the columns."""

    def __init__(self, rows, columns=("label", "score")):
        self.rows, self.names = list(rows), list(columns)

    def __len__(self):
        return len(self.rows)

    def __iter__(self):
        return iter(self.names)


class Frame(Table):
    @property
    def columns(self):
        return self.names

    def __getitem__(self, name):
        return [row[name] for row in self.rows]


class Exchangeable(Table):
    def __dataframe__(self):
        return self

    def __getitem__(self, name):
        return name


class DataSet(Table):
    """A table whose iteration yields columns, and whose index selects rows."""

    def __getitem__(self, position):
        return self.rows[position]


class Wrong(list):
    """A list with a wrong ``len()``."""

    def __len__(self):
        return 3


class Endless(list):
    def __len__(self):
        return 3

    def __iter__(self):
        while True:
            yield 1


@pytest.mark.parametrize(
    "returned",
    [
        ["a", "b", "c"],
        ("a", "b", "c"),
        collections.deque("abc"),
        {1: "a", 2: "b", 3: "c"}.values(),
        collections.UserList("abc"),
        DataSet("abc"),
        DataSet("abc", "xyz"),
    ],
    ids=lambda returned: type(returned).__name__,
)
def test_ordered_collections_are_accepted(returned):
    assert outputs_of(returned, 3) == ["a", "b", "c"]


def test_arrays_are_split_by_their_first_dimension():
    numpy = pytest.importorskip("numpy")
    assert [row.tolist() for row in outputs_of(numpy.eye(3), 3)] == numpy.eye(3).tolist()
    assert outputs_of(array.array("i", [1, 2]), 2) == [1, 2]
    with pytest.raises(NotOutputs, match="it returned ndarray"):
        outputs_of(numpy.array(1), 1)


def test_tensors_are_split_by_their_first_dimension():
    torch = pytest.importorskip("torch")
    assert [row.tolist() for row in outputs_of(torch.eye(2), 2)] == [[1, 0], [0, 1]]


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize(
    "make",
    [
        lambda n: Table(range(n)),
        lambda n: Table(range(n), range(n)),
        lambda n: Frame(range(n), range(n)),
        lambda n: Exchangeable(range(n), range(n)),
        lambda n: dict.fromkeys(range(n)),
        lambda n: collections.OrderedDict.fromkeys(range(n)),
        lambda n: collections.UserDict.fromkeys(range(n)),
        lambda n: set(range(n)),
        lambda n: dict.fromkeys(range(n)).keys(),
        lambda n: "x" * n,
        lambda n: b"x" * n,
        lambda n: memoryview(b"x" * n),
        lambda n: iter(range(n)),
        lambda n: (i for i in range(n)),
        lambda n: None,
        lambda n: n,
        lambda n: object(),
        lambda n: list,
        lambda n: [*range(n), "more"],
        lambda n: list(range(n - 1)),
        lambda n: Wrong(range(n if n != 3 else 2)),
        lambda n: Endless(),
    ],
)
def test_anything_but_one_output_for_each_input_is_refused(make, count):
    with pytest.raises(NotOutputs, match=rf"^predict_batch\(\) must return a list of {count} output"):
        outputs_of(make(count), count)


def test_pandas_tables_are_refused_and_series_are_accepted():
    pandas = pytest.importorskip("pandas")
    with pytest.raises(NotOutputs, match="DataFrame, whose items are its columns; return a list of its rows"):
        outputs_of(pandas.DataFrame([[1, 2], [3, 4]]), 2)
    assert outputs_of(pandas.Series([1, 2], index=["b", "a"]), 2) == [1, 2]


class Script:
    def deserialize(self, data, content_type):
        if data == b"bad":
            raise ValueError("bad")
        return data

    def predict(self, data, model):
        return data

    def serialize(self, data, accepted):
        return bytes(data), "text/plain"


def answers(predict_batch, bodies):
    script = Script()
    script.predict_batch = predict_batch
    found = Handler(script, {"logger": None}, 1000).invoke_batch([(b"", body) for body in bodies])
    assert len(found) == len(bodies)
    return [
        bytes(body) if kind == frames.RESULT else (json.loads(metadata)["reason"], json.loads(metadata).get("stage"))
        for kind, metadata, body in found
    ]


BODIES = [b"0", b"bad", b"2", b"3"]
BAD = ("exception", "deserialize")


def test_each_request_gets_its_own_answer(capfd):
    assert answers(lambda data, model: data, BODIES) == [b"0", BAD, b"2", b"3"]


def test_a_table_does_not_shift_answers_between_requests(capfd):
    assert answers(lambda data, model: Table(data), BODIES) == [("bad_result", None), BAD] + [("bad_result", None)] * 2


@pytest.mark.parametrize("change", [list.clear, list.pop, list.reverse, lambda data: data.append(b"more")])
def test_a_script_that_changes_its_inputs_and_fails_does_not_change_answers(change, capfd):
    def predict_batch(data, model):
        change(data)
        raise ValueError("together")

    assert answers(predict_batch, BODIES) == [b"0", BAD, b"2", b"3"]


def test_an_output_that_can_not_be_inspected_fails_only_its_own_request(capfd):
    class Odd:
        @property
        def __class__(self):
            raise RuntimeError("odd")

    raised = ("exception", "serialize")
    assert answers(lambda data, model: [b"0", Odd(), b"3"], BODIES) == [b"0", BAD, raised, b"3"]


def test_each_input_is_predicted_alone_when_iterating_raises(capfd):
    class Raises(list):
        def __iter__(self):
            raise RuntimeError("odd")

    assert answers(lambda data, model: Raises(data), BODIES) == [b"0", BAD, b"2", b"3"]
