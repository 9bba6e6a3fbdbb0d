"""The default format in which ``serialize`` writes a result, the formats that a client may choose, and refused results."""

import collections
import dataclasses
import datetime
import decimal
import enum
import io
import json
import pathlib
import re
import subprocess
import sys
import uuid

import pytest
from aimodellib.io import Audio, serialize
from io_support import again, answer, without  # noqa: F401
from pythons import pythons

np = pytest.importorskip("numpy")
PACKAGE = pathlib.Path(__file__).resolve().parents[2] / "python"
ARROW_STREAM, ARROW_FILE = "application/vnd.apache.arrow.stream", "application/vnd.apache.arrow.file"
PARQUET = "application/vnd.apache.parquet"


class Color(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 2


@dataclasses.dataclass
class Point:
    x: float
    inner: object = None


def parsed(value, accepted="*/*"):
    content, content_type = answer(value, accepted)
    assert content_type == "application/json"
    return json.loads(content, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))


def _without_addresses(value):
    """Name a parameter in the same way in all processes, since pytest-xdist compares the names of tests."""
    return re.sub(r" at 0x[0-9a-f]+", "", repr(value))


@pytest.mark.parametrize(
    ("value", "document"),
    [
        (None, None),
        ({"a": [1, 2.5, True, None, "ü"]}, {"a": [1, 2.5, True, None, "ü"]}),
        ([float("nan"), float("inf"), -0.0], [None, None, -0.0]),
        ({"a": (1, {float("-inf"): float("-inf")})}, {"a": [1, {"-Infinity": None}]}),
        ([b"\x00\xff", bytearray(b"a"), memoryview(b"b")], ["AP8=", "YQ==", "Yg=="]),
        (Point(1.0, [Point(2.0)]), {"x": 1.0, "inner": [{"x": 2.0, "inner": None}]}),
        ({Color.RED: Color.RED, Level.HIGH: Level.HIGH}, {"red": "red", "2": 2}),
        ({3, 1, 2}, [1, 2, 3]),
        (range(3), [0, 1, 2]),
        (collections.deque([1]), [1]),
        ({"k": {"a": 1}.keys()}, {"k": ["a"]}),
        (collections.OrderedDict(a=1), {"a": 1}),
        ([datetime.datetime(2026, 1, 2, 3), datetime.date(2026, 1, 2)], ["2026-01-02T03:00:00", "2026-01-02"]),
        ([datetime.timedelta(minutes=1), decimal.Decimal("1.5")], [60.0, 1.5]),
        ([uuid.UUID(int=1), pathlib.PurePosixPath("a/b")], ["00000000-0000-0000-0000-000000000001", "a/b"]),
        (np.float32(0.5), 0.5),
        (np.int64(7), 7),
        (np.bool_(True), True),
        (np.arange(4).reshape(2, 2), [[0, 1], [2, 3]]),
        ({"a": np.array([1.5, np.nan])}, {"a": [1.5, None]}),
        ({np.int64(3): np.float64("nan")}, {"3": None}),
        (np.array(["2026-01-02", "NaT"], "M8[D]"), ["2026-01-02", None]),
        (np.array([90], "m8[s]"), [90.0]),
        (np.array([Point(1.0)], object), [{"x": 1.0, "inner": None}]),
        (["\ud800"], ["\ud800"]),
    ],
    ids=_without_addresses,
)
def test_values_are_written_as_json_by_default(value, document):
    assert parsed(value) == document


def test_tensors_and_data_frames_are_written_as_json_by_default():
    torch = pytest.importorskip("torch")
    assert parsed(torch.tensor([[1.0, float("nan")]], requires_grad=True)) == [[1.0, None]]
    assert parsed({"t": torch.tensor([1.5], dtype=torch.bfloat16)}) == {"t": [1.5]}
    assert again(torch.ones(2, dtype=torch.bfloat16), "application/x-npy").tolist() == [1, 1]


def test_a_data_frame_is_written_as_its_rows():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": [1, 2], "t": [pandas.Timestamp("2026-01-02"), pandas.NaT], "n": [pandas.NA, "x"]})
    rows = [{"a": 1, "t": "2026-01-02T00:00:00", "n": None}, {"a": 2, "t": None, "n": "x"}]
    assert parsed(frame) == parsed({"f": frame})["f"] == rows
    assert parsed(frame["a"]) == [1, 2]
    assert [json.loads(line) for line in answer(frame, "application/x-ndjson")[0].splitlines()] == rows
    assert answer(frame, "text/csv")[0] == b"a,t,n\r\n1,2026-01-02T00:00:00,\r\n2,,x\r\n"
    pytest.importorskip("pyarrow")
    for kind in (PARQUET, ARROW_STREAM, ARROW_FILE):
        assert again(frame, kind)["a"].tolist() == [1, 2]
    with pytest.raises(TypeError, match="two columns of one name"):
        serialize(pandas.DataFrame([[1, 2]], columns=["a", "a"]))


def test_arrow_tables_are_written_as_their_rows(without):
    arrow = pytest.importorskip("pyarrow")
    table = arrow.table({"a": [1, None]})
    assert parsed(table) == parsed(table.to_batches()[0]) == [{"a": 1}, {"a": None}]
    assert answer(table, "text/csv")[0] == b'a\r\n1\r\n""\r\n'
    without("pandas")
    assert again([{"a": 1, "b": "x"}], "application/x-parquet").to_pylist() == [{"a": 1, "b": "x"}]
    assert again({"a": [1, 2]}, ARROW_FILE).to_pylist() == [{"a": 1}, {"a": 2}]


@pytest.mark.parametrize(
    ("value", "default", "content"),
    [
        ("ü", "text/plain; charset=utf-8", "ü".encode()),
        ("\ud800", "text/plain; charset=utf-8", b"?"),
        (b"\x00", "application/octet-stream", b"\x00"),
        (memoryview(b"x"), "application/octet-stream", b"x"),
        ((b"<p>", "text/html; charset=utf-8"), "text/html; charset=utf-8", b"<p>"),
        (("a", "b"), "application/json", b'["a","b"]'),
        (1.5, "application/json", b"1.5"),
    ],
    ids=_without_addresses,
)
def test_the_default_depends_on_the_type(value, default, content):
    assert serialize(value) == (content, default)


@pytest.mark.parametrize(
    ("value", "accepted", "content_type"),
    [
        ("x", "application/json", "application/json"),
        (1.5, "text/plain", "text/plain; charset=utf-8"),
        ([[1, 2]], "text/csv", "text/csv; charset=utf-8; header=absent"),
        ([{"a": 1}], "text/csv;q=0.9, application/json;q=0.1", "text/csv; charset=utf-8; header=present"),
        ([[1, 2]], "application/x-npy", "application/x-npy"),
        ([[1, 2], [3]], "application/x-npy, application/json;q=0.5", "application/json"),
        ({"a": [1]}, "application/x-npz", "application/x-npz"),
        ([1], "application/jsonl", "application/jsonl"),
        # The Accept header of a browser.
        ({"a": 1}, "text/html,application/xhtml+xml,*/*;q=0.8", "application/json"),
    ],
)
def test_accept_chooses_another_format(value, accepted, content_type):
    assert answer(value, accepted)[1] == content_type


@pytest.mark.parametrize(
    ("value", "accepted"),
    [
        ({"a": 1}, "image/png"),
        ({"a": {"b": 1}, "c": [1]}, "text/csv"),
        ([[1], [2, 3]], "application/x-npy"),
        (["x", {}], "application/x-npy"),
        ([1, 2], PARQUET),
        (b"x", "application/json"),
        ("x", "text/csv"),
        ((b"x", "image/png"), "text/*"),
        ([], "text/csv"),
        ({"a": 1}, "application/json;q=0"),
    ],
)
def test_serialize_returns_none_without_an_acceptable_format(value, accepted):
    assert serialize(value, accepted) is None


def test_csv_has_a_line_for_each_row():
    rows = [{"a": 1, "b": None}, {"a": 'x"y', "c": [1, 2], "b": True}]
    assert answer(rows, "text/csv")[0] == b'a,b,c\r\n1,,\r\n"x""y",true,"[1,2]"\r\n'
    assert answer({"a": [1, 2], "b": [3, 4]}, "text/csv")[0] == b"a,b\r\n1,3\r\n2,4\r\n"
    assert answer(np.array([[0.5, np.nan]]), "text/csv")[0] == b"0.5,\r\n"


def test_arrays_of_bytes_are_images_when_a_client_asks_for_one():
    pytest.importorskip("PIL")
    array = np.zeros((3, 4, 3), np.uint8)
    array[:, :, 0] = 255
    assert np.array_equal(np.asarray(again(array, "image/png")), array)
    assert again(array[:, :, :1], "image/*").size == (4, 3)
    assert again(np.asarray(again(array, "image/png")), "application/x-npy").shape == (3, 4, 3)
    assert serialize(array.astype(float), "image/png") is None
    assert serialize(np.zeros((2, 2, 7), np.uint8), "image/png") is None
    for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "F", "HSV"):
        image = __import__("PIL.Image").Image.new(mode, (2, 2))
        assert answer(image)[1] == "image/png"
        for kind in ("image/jpeg", "image/webp", "image/gif", "image/bmp", "image/tiff"):
            assert again(image, kind).size == (2, 2)


def test_audio_is_wav():
    audio = again(Audio(np.array([[0, 1.0], [-2, np.nan]], np.float32), 8000), "audio/*")
    assert (audio.samples.round(3).tolist(), audio.rate, audio.channels) == ([[0, 1], [-1, 0]], 8000, 2)
    assert answer(Audio([0.0, 0.5], 16000, 2))[1] == "audio/wav"
    wave = __import__("wave").open(io.BytesIO(answer(Audio([0.0, 0.5], 16000, 2))[0]))
    assert (wave.getnchannels(), wave.getframerate(), wave.getnframes(), wave.getsampwidth()) == (2, 16000, 1, 2)
    with pytest.raises(TypeError, match=r"int64 of shape \(2,\)"):
        serialize(Audio(np.array([1, 2]), 8000))


class Strange:
    pass


def endless():
    value = []
    value.append(value)
    return value


def deep():
    value = []
    for _ in range(100_000):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (Strange(), r"a value of the type 'test_io_writing.Strange', which can't be written: return"),
        ({"a": [1, {"b": Strange()}]}, r"'test_io_writing.Strange' at result\['a'\]\[1\]\['b'\]"),
        ({(1, 2): 3}, r"a key of the type 'tuple' at result\[\(1, 2\)\]"),
        ([1j], r"'complex' at result\[0\]"),
        (np.array([1j]), "'complex'"),
        ((value for value in ()), "'generator', .* predict\\(\\) itself must be the generator"),
        ({"a": (value for value in ())}, "'generator' at"),
        (Strange, "'type'"),
        (endless(), "contains itself"),
        (deep(), "nested too deeply"),
    ],
)
def test_an_error_names_a_result_of_an_unknown_type(value, says):
    with pytest.raises(TypeError, match=says) as caught:
        serialize(value)
    assert not hasattr(caught.value, "status"), "it is the script's fault: 500"


def test_formats_of_missing_packages_are_not_offered(without):
    without("numpy", "pyarrow", "PIL")
    assert serialize([[1, 2]], "application/x-npy") is None
    assert serialize([{"a": 1}], PARQUET) is None


def test_the_same_value_is_written_as_the_same_bytes_in_each_process():
    code = (
        "import sys; from aimodellib.io import serialize; sys.stdout.buffer.write(serialize({'a', 'b', 'c', 'd'})[0])"
    )
    runs = {
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=PACKAGE,
            env={"PYTHONHASHSEED": str(seed)},
            capture_output=True,
            check=True,
        ).stdout
        for seed in (1, 2, 3)
    }
    assert runs == {b'["a","b","c","d"]'}


@pytest.mark.parametrize("python", pythons())
def test_formats_without_a_package_work_on_each_python(python):
    code = """
import sys
from aimodellib.io import deserialize, serialize
def again(value, accepted="*/*"):
    return deserialize(*serialize(value, accepted))
audio = deserialize(b"RIFF\\0\\0\\0\\0WAVEfmt \\x10\\0\\0\\0\\1\\0\\1\\0\\x40\\x1f\\0\\0\\0\\0\\0\\0\\2\\0\\x10\\0data\\2\\0\\0\\0\\0\\x40", "audio/wav")
form = deserialize(b'--x\\r\\nContent-Disposition: form-data; name="a"\\r\\n\\r\\n1\\r\\n--x--', "multipart/form-data; boundary=x")
print(again({"a": [1, float("nan")]}), again("text"), again(audio).samples[0], form["a"], deserialize(b"a=b", "application/x-www-form-urlencoded"))
print(again([[1, 2]], "text/csv") if "pandas" not in sys.modules else [[1, 2]])
assert not {"numpy", "pandas", "PIL", "pyarrow", "torch"} & set(sys.modules), "the tests' own Pythons have none"
"""
    if python == sys.executable:
        pytest.skip("this Python has the packages")
    result = subprocess.run([python, "-c", code], cwd=PACKAGE, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert result.stdout == "{'a': [1, None]} text 0.5 1 {'a': 'b'}\n[[1, 2]]\n"


def test_only_a_script_imports_the_package_and_the_import_loads_no_other_package():
    code = """
import sys
import aimodellib._bridge.worker, aimodellib._bridge.serve, aimodellib._bridge.train, aimodellib.utils
assert not [name for name in sys.modules if name.startswith("aimodellib.io")]
import aimodellib.io
loaded = {"numpy", "pandas", "PIL", "pyarrow", "torch", "zipfile", "csv", "urllib.parse"} & set(sys.modules)
assert not loaded - {"urllib.parse"}, loaded
"""
    result = subprocess.run([sys.executable, "-S", "-c", code], cwd=PACKAGE, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
