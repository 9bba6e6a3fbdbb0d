"""The values that ``deserialize`` returns for each content type, and how it refuses a body."""

import io
import json
import pathlib
import struct
import subprocess
import sys
import zipfile
import zlib

import pytest
from io_support import status, without  # noqa: F401

import aimodellib.io
from aimodellib.io import Audio, Form, Upload, deserialize, limits

np = pytest.importorskip("numpy")
PACKAGE = pathlib.Path(__file__).resolve().parents[2] / "python"
ARROW_STREAM, ARROW_FILE = "application/vnd.apache.arrow.stream", "application/vnd.apache.arrow.file"
PARQUET = "application/vnd.apache.parquet"


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(limits, "unpacked", 1_000_000)
    monkeypatch.setattr(limits, "pixels", 10_000)
    monkeypatch.setattr(limits, "parts", 5)
    monkeypatch.setattr(limits, "rows", 10)


# JSON and text


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32-le"])
@pytest.mark.parametrize("content_type", ["application/json", "APPLICATION/JSON; charset=utf-8", "application/ld+json"])
def test_json_is_read_in_each_of_its_encodings(encoding, content_type):
    assert deserialize('{"é": [1, null]}'.encode(encoding), content_type) == {"é": [1, None]}


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "The body is not JSON"),
        (b"{", "The body is not JSON"),
        (b"[1]x", "Extra data"),
        (b"[NaN]", "NaN is no number there. Send null"),
        (b"[-Infinity]", "-Infinity is no number"),
        (b'"\xff"', "it is not utf-8 text at byte 1"),
        (b"[" * 200_000, "nested too deeply"),
        (b"9" * 5000, "application/json"),
    ],
)
def test_invalid_json_is_refused_with_400(body, says):
    if body.isdigit() and not hasattr(sys, "set_int_max_str_digits"):
        pytest.skip("this Python reads integers of any length")
    assert status(body)[0] == 400
    assert says in status(body)[1]


def test_json_lines_become_a_list_and_an_error_names_the_line():
    assert deserialize(b'{"a":1}\n\r\n[2]', "application/x-ndjson") == [{"a": 1}, [2]]
    assert status(b"1\n{\n", "application/jsonlines") == (400, status(b"1\n{\n", "application/jsonl")[1])
    assert status(b"1\n{\n", "application/x-ndjson")[1].startswith("Line 2: The body is not JSON")


@pytest.mark.parametrize(
    ("body", "content_type", "text"),
    [
        ("é".encode(), "text/plain", "é"),
        ("é".encode("latin-1"), "text/plain; charset=ISO-8859-1", "é"),
        ("日本".encode("shift_jis"), 'text/html;charset="Shift_JIS"', "日本"),
        (b"\xef\xbb\xbfx", "text/markdown", "x"),
        ("é".encode("utf-16"), "text/plain;charset=utf-16", "é"),
        (b"", "text/plain", ""),
    ],
)
def test_text_is_read_in_its_charset(body, content_type, text):
    assert deserialize(body, content_type) == text


@pytest.mark.parametrize(
    "charset", ["nonsense", "punycode", "zlib", "hex", "unicode_escape", "idna", "utf-7", "x" * 99, "é"]
)
def test_an_unknown_or_dangerous_charset_is_refused_with_415(charset):
    assert status(b"x", f'text/plain; charset="{charset}"')[0] == 415


def test_text_that_is_invalid_in_its_charset_is_refused_with_400():
    assert status(b"a\xff", "text/plain") == (
        400,
        "The body is not UTF-8 text: byte 0xff at position 1 can't be decoded. "
        "For other text than UTF-8, name the charset in Content-Type",
    )


def test_bytes_of_no_known_type_stay_bytes():
    assert deserialize(b"\x00") == b"\x00"


@pytest.mark.parametrize("content_type", ["application/xml", "json", "", "video/mp4", "application/x-python-pickle"])
def test_another_type_is_refused_with_415_and_a_list_of_types(content_type):
    code, message = status(b"x", content_type)
    assert code == 415
    assert "send application/json, application/x-ndjson, text/csv" in message
    with pytest.raises(aimodellib.io.UnsupportedTypeError) as caught:
        deserialize(b"x", content_type)
    assert caught.value.headers["Accept"].startswith("application/json, ")
    assert len(caught.value.headers["Accept"]) <= 1024


def test_a_format_whose_package_is_missing_is_refused_with_415_and_its_name(without):
    without("PIL", "pyarrow", "numpy")
    code, message = status(b"x", "image/png")
    assert (code, "without pillow, which this model's Python does not have" in message) == (415, True)
    assert "image/" not in message.partition("send ")[2]
    assert status(b"x", PARQUET)[0] == status(b"x", "application/x-npy")[0] == 415


# Arrays


def npy(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def npz(*names, **arrays):
    file = io.BytesIO()
    np.savez_compressed(file, *names, **arrays)
    return file.getvalue()


def header(text, version=1):
    length = struct.pack("<H" if version == 1 else "<I", len(text))
    return b"\x93NUMPY" + bytes([version, 0]) + length + text.encode()


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6, dtype="<f4").reshape(2, 3),
        np.asfortranarray(np.arange(6).reshape(2, 3)),
        np.array(3.5, dtype=">f8"),
        np.array(["a", "ü"]),
        np.zeros((0, 4)),
        np.array([("x", 1)], dtype=[("name", "U3"), ("n", "i4")]),
    ],
    ids=str,
)
def test_npy_becomes_a_writable_array(array):
    found = deserialize(npy(array), "application/x-npy")
    assert found.dtype == array.dtype
    assert np.array_equal(found, array)
    assert found.flags.writeable


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "does not begin with"),
        (b"PK\x03\x04" + b"x" * 20, "does not begin with"),
        (npy(np.array([{}], dtype=object)), "Python objects, which could run code"),
        (npy(np.arange(9))[:-1], "does not fit its header"),
        (npy(np.arange(9)) + b"x", "does not fit its header"),
        (header("{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,)}\n"), "does not fit its header"),
        (header("{'descr': '<U0', 'fortran_order': False, 'shape': (1000000000000,)}\n"), "does not fit its header"),
        (header("{'descr': '<f8', 'fortran_order': False, 'shape': (-1, -8)}\n") + b"x" * 64, "negative size"),
        (header("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}\n") + b"x" * 8, "Python objects"),
        (header("__import__('os').system('false')\n"), "application/x-npy"),
        (header("(" * 60_000), "more than 10000"),
        (header("(" * 9_000, 2), "application/x-npy"),
        (b"\x93NUMPY\x09\x00\x05\x00\x00\x00     ", "version 9.0"),
    ],
)
def test_invalid_npy_is_refused_with_400(body, says):
    code, message = status(body, "application/x-npy")
    assert code == 400
    assert says in message


def test_npz_becomes_a_dict_of_arrays():
    found = deserialize(npz(x=np.arange(3), y=np.ones((1, 2))), "application/x-npz")
    assert {name: array.tolist() for name, array in found.items()} == {"x": [0, 1, 2], "y": [[1, 1]]}


def test_an_npz_is_refused_if_it_is_damaged_or_a_bomb_or_contains_objects(small):
    kind = "application/x-npz"
    assert status(b"x", kind)[0] == 400
    assert status(npz(x=np.arange(30))[:-30], kind)[0] == 400
    assert "Python objects" in status(npz(x=np.array([None])), kind)[1]
    assert status(npz(x=np.zeros(200_000)), kind)[0] == 413
    assert status(npz(*[np.arange(1)] * 6), kind)[0] == 413
    # An entry whose header announces a small size.
    bomb = npz(x=np.zeros(200_000)).replace(struct.pack("<I", 1_600_128), struct.pack("<I", 1000))
    assert status(bomb, kind)[0] == 400
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("x.npy", npy(np.arange(2)))
        archive.writestr("x", npy(np.arange(2)))
    assert "two arrays" in status(file.getvalue(), kind)[1]


# CSV

TABLE = b'name,age\r\nann,31\r\n"b, c",\r\n'


def test_csv_becomes_a_data_frame_with_pandas():
    pytest.importorskip("pandas")
    frame = deserialize(TABLE, "text/csv; charset=utf-8")
    assert frame.columns.tolist() == ["name", "age"]
    assert frame["name"].tolist() == ["ann", "b, c"]
    assert frame["age"][0] == 31
    assert deserialize(b"1,2\n3,4\n", "text/csv").values.tolist() == [[1, 2], [3, 4]]
    assert deserialize(b"1,2\n3,4\n", "text/csv; header=present").columns.tolist() == ["1", "2"]


def test_csv_becomes_rows_without_pandas(without):
    without("pandas")
    assert deserialize(TABLE, "text/csv") == [{"name": "ann", "age": 31}, {"name": "b, c", "age": None}]
    assert deserialize(b"5.1, 3\n-1e2,nan\n", "text/csv")[0] == [5.1, 3]
    # A column contains either numbers or text.
    assert deserialize(b"a\n1\nx\n", "text/csv") == [{"a": "1"}, {"a": "x"}]
    assert deserialize(b"1,2\n3,4\n", "text/csv; header=present") == [{"1": 3, "2": 4}]
    assert deserialize(b"a,b\nc,d\n", "text/csv; header=absent") == [["a", "b"], ["c", "d"]]
    assert deserialize("ä\nü".encode("latin-1"), "text/csv; charset=latin-1") == [{"ä": "ü"}]
    assert deserialize(b"a\n" + b"9" * 400, "text/csv")[0]["a"] == float("inf")


@pytest.mark.parametrize("pandas", [True, False])
@pytest.mark.parametrize(
    ("body", "content_type", "says"),
    [
        (b"", "text/csv", "empty"),
        (b"a,b\n1,2\n3\n", "text/csv", "line 3 has 1 fields, and the first one 2"),
        (b"a,b\n1,2,3\n", "text/csv", "line 2 has 3 fields, and the first one 2"),
        (b"a,a\n1,2\n", "text/csv", "'a' twice"),
        (b'a\n"x', "text/csv", "is not CSV"),
        (b"a\n\xff", "text/csv", "not UTF-8 text"),
        (b"a\n1\n", "text/csv; header=maybe", "'present' or 'absent'"),
        (b"a\n" + b"x" * 200_000, "text/csv", "field larger than field limit"),
    ],
)
def test_an_invalid_table_is_refused_with_400(body, content_type, says, pandas, without):
    if pandas:
        pytest.importorskip("pandas")
    else:
        without("pandas")
    code, message = status(body, content_type)
    assert (code, says in message) == (400, True), message


def test_csv_rows_are_limited_without_pandas(small, without):
    without("pandas")
    assert status(b"a\n" + b"1\n" * 20, "text/csv")[0] == 413


# Parquet and Arrow


def arrow_bytes(table, kind, compression=None):
    arrow = pytest.importorskip("pyarrow")
    sink = arrow.BufferOutputStream()
    if kind == PARQUET:
        __import__("pyarrow.parquet").parquet.write_table(table, sink, compression=compression or "NONE")
    else:
        ipc = __import__("pyarrow.ipc").ipc
        options = ipc.IpcWriteOptions(compression=compression)
        with (ipc.new_stream if kind == ARROW_STREAM else ipc.new_file)(sink, table.schema, options=options) as writer:
            writer.write(table)
    return bytes(sink.getvalue())


def columns():
    arrow = pytest.importorskip("pyarrow")
    return arrow.table(
        {
            "n": [1, None, 3],
            "text": ["a", "ü", None],
            "kind": arrow.array(["x", "y", "x"]).dictionary_encode(),
            "list": [[1.5], [], None],
            "nested": [{"s": "t"}, None, {"s": "u"}],
        }
    )


@pytest.mark.parametrize("compression", [None, "zstd"])
@pytest.mark.parametrize("kind", [PARQUET, ARROW_STREAM, ARROW_FILE])
def test_tables_are_read_with_and_without_pandas(kind, compression, without):
    body = arrow_bytes(columns(), kind, compression)
    if __import__("importlib.util").util.find_spec("pandas"):
        frame = deserialize(body, kind)
        assert frame.columns.tolist() == ["n", "text", "kind", "list", "nested"]
        assert frame["text"].tolist()[:2] == ["a", "ü"]
    without("pandas")
    assert deserialize(body, kind).to_pylist() == columns().to_pylist()


@pytest.mark.parametrize("kind", [PARQUET, ARROW_STREAM, ARROW_FILE])
def test_damaged_tables_are_refused_with_400(kind):
    body = arrow_bytes(columns(), kind)
    assert status(b"", kind)[0] == 400 or kind == ARROW_STREAM
    for cut in range(1, len(body), max(1, len(body) // 40)):
        if kind == ARROW_STREAM:
            # A stream may end after each batch.
            with pytest.raises(aimodellib.io.InputError):
                deserialize(body[:cut], kind)
        else:
            assert status(body[:cut], kind)[0] == 400


@pytest.mark.parametrize("kind", [PARQUET, ARROW_STREAM, ARROW_FILE])
def test_bombs_are_refused_before_they_are_decompressed(kind, small):
    arrow = pytest.importorskip("pyarrow")
    body = arrow_bytes(arrow.table({"n": arrow.array(np.zeros(300_000))}), kind, "zstd")
    assert len(body) < 30_000
    assert status(body, kind)[0] == 413


@pytest.mark.parametrize("kind", [PARQUET, ARROW_STREAM, ARROW_FILE])
def test_a_long_text_that_is_repeated_by_reference_is_refused(kind, small):
    arrow = pytest.importorskip("pyarrow")
    table = arrow.table({"t": arrow.array(["x" * 100_000] * 1000).dictionary_encode()})
    body = arrow_bytes(table, kind, "zstd")
    assert len(body) < 30_000
    assert status(body, kind)[0] == 413


@pytest.mark.parametrize("kind", [PARQUET, ARROW_STREAM])
def test_many_nulls_without_bytes_are_refused(kind, small):
    arrow = pytest.importorskip("pyarrow")
    body = arrow_bytes(arrow.table({"n": arrow.nulls(1_000_000)}), kind)
    assert len(body) < 10_000
    assert status(body, kind)[0] == 413
    assert len(deserialize(arrow_bytes(arrow.table({"n": arrow.nulls(3)}), kind), kind)) == 3


def test_types_in_which_little_data_represents_much_are_refused():
    arrow = pytest.importorskip("pyarrow")
    for kind in (arrow.list_(arrow.null()), arrow.list_(arrow.dictionary(arrow.int8(), arrow.utf8())), arrow.binary(0)):
        body = arrow_bytes(arrow.table({"n": arrow.nulls(2, kind)}), ARROW_STREAM)
        code, message = status(body, ARROW_STREAM)
        assert (code, message.startswith("The column 'n' has the type")) == (400, True)


# Images


def image(form="PNG", size=(4, 3), mode="RGB"):
    pillow = pytest.importorskip("PIL.Image")
    file = io.BytesIO()
    pillow.new(mode, size).save(file, form)
    return file.getvalue()


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"])
def test_images_become_pillow_images(form):
    found = deserialize(image(form), f"image/{form.lower()}")
    assert found.size == (4, 3)
    assert np.asarray(found.convert("RGB")).shape == (3, 4, 3)


def test_damaged_images_and_too_large_ones_and_other_formats_are_refused(small):
    png = image(size=(50, 50), mode="RGBA")
    assert status(png[: len(png) // 2], "image/png")[0] == 400
    assert status(b"GIF89a", "image/gif")[0] == 400
    assert status(b"<svg/>", "image/png") == (
        400,
        "The body is not an image that can be read: send PNG, JPEG, WEBP, GIF, BMP, TIFF",
    )
    # Pillow would start Ghostscript for it.
    assert status(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n", "image/png")[0] == 400
    assert status(image(size=(200, 200)), "image/png") == (413, "The image has 200 x 200 pixels, more than 10000")
    large = struct.pack(">IIBBBBB", 2**30, 2**30, 8, 0, 0, 0, 0)
    chunk = struct.pack(">I", 13) + b"IHDR" + large + struct.pack(">I", zlib.crc32(b"IHDR" + large))
    chunk += struct.pack(">I", 4) + b"IDAT" + bytes(4) + struct.pack(">I", zlib.crc32(b"IDAT" + bytes(4)))
    assert status(b"\x89PNG\r\n\x1a\n" + chunk, "image/png")[0] == 413


# Recordings


def wav(samples, kind=1, bits=16, channels=1, rate=8000, length=None, extra=b""):
    form = struct.pack("<HHIIHH", kind, channels, rate, 0, 0, bits) + extra
    chunks = b"fmt " + struct.pack("<I", len(form)) + form + b"LIST" + struct.pack("<I", 3) + b"abc\0"
    chunks += b"data" + struct.pack("<I", len(samples) if length is None else length) + samples
    return b"RIFF" + struct.pack("<I", len(chunks) + 4) + b"WAVE" + chunks


@pytest.mark.parametrize("numpy", [True, False])
@pytest.mark.parametrize(
    ("kind", "bits", "samples"),
    [
        (1, 8, bytes([128, 0, 192])),
        (1, 16, struct.pack("<3h", 0, -32768, 16384)),
        (1, 24, b"\0\0\0" + b"\0\0\x80" + b"\0\0\x40"),
        (1, 32, struct.pack("<3i", 0, -(2**31), 2**30)),
        (3, 32, struct.pack("<3f", 0, -1, 0.5)),
        (3, 64, struct.pack("<3d", 0, -1, 0.5)),
    ],
)
def test_wav_becomes_audio_with_numbers_from_minus_1_to_1(kind, bits, samples, numpy, without):
    if not numpy:
        without("numpy")
    audio = deserialize(wav(samples, kind, bits), "audio/x-wav")
    assert (list(audio.samples), audio.rate, audio.channels) == ([0, -1, 0.5], 8000, 1)
    extra = struct.pack("<HHIH14s", 22, bits, 0, kind, bytes(14))
    assert list(deserialize(wav(samples, 0xFFFE, bits, extra=extra), "audio/wav").samples) == [0, -1, 0.5]


def test_wav_with_several_channels_becomes_an_array_of_frames():
    audio = deserialize(wav(struct.pack("<4h", 1, 2, 3, 4), channels=2), "audio/wav")
    assert audio.samples.shape == (2, 2)
    unknown = deserialize(wav(struct.pack("<2h", 1, 2), length=0xFFFFFFFF), "audio/wav")
    assert isinstance(unknown, Audio)
    assert len(unknown.samples) == 2


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"RIFF\0\0\0\0WAVE",
        wav(b"ab", length=100),
        wav(b"ab", kind=85),
        wav(b"ab", bits=12),
        wav(b"ab", channels=0),
        wav(b"ab", rate=0),
        b"RIFF\0\0\0\0WAVEfmt \xff\xff\xff\xff",
        b"RIFF\0\0\0\0WAVEdata\x02\0\0\0ab",
    ],
)
def test_invalid_wav_is_refused_with_400(body):
    assert status(body, "audio/wav")[0] == 400


# Forms

MULTIPART = "multipart/form-data; boundary=xx"


def test_an_urlencoded_form_becomes_its_fields():
    form = deserialize(b"a=1&b=%C3%A9+x&a=2&empty=", "application/x-www-form-urlencoded")
    assert isinstance(form, Form)
    assert form == {"a": "2", "b": "é x", "empty": ""}
    assert form.all("a") == ["1", "2"]
    assert deserialize(b"", "application/x-www-form-urlencoded") == {}


def test_an_invalid_urlencoded_form_is_refused_and_json_in_it_is_recognized(small):
    kind = "application/x-www-form-urlencoded"
    assert "send Content-Type: application/json" in status(json.dumps({"a": "b=c"}).encode(), kind)[1]
    assert status(b"a=%ff", kind)[0] == 400
    assert status(b"nothing", kind)[0] == 400
    assert status(b"a=1&" * 5 + b"a=1", kind)[0] == 413


def part(headers, content=b"v"):
    return b"--xx\r\n" + headers + b"\r\n\r\n" + content + b"\r\n"


FIELD = b'Content-Disposition: form-data; name="f"'


def test_a_multipart_form_becomes_fields_and_files():
    body = b"preamble\r\n" + part(FIELD, b"line 1\r\nline 2") + part(FIELD, b"")
    body += part(
        b'content-disposition: Form-Data; name="i%22"; filename="a;\\"b.png"\r\nContent-Type: image/png', image()
    )
    body += part(b'Content-Disposition: form-data; name="j"\r\nContent-Type: application/json', b'{"a":1}')
    body += part(b"Content-Disposition: form-data; name=l\r\nContent-Type: text/plain; charset=latin-1", b"\xe9")
    form = deserialize(body + b"--xx--\r\nepilogue", MULTIPART)
    assert form.all("f") == ["line 1\r\nline 2", ""]
    assert form["l"] == "é"
    upload = form['i"']
    assert isinstance(upload, Upload)
    assert (upload.filename, upload.content_type, upload.read().size) == ('a;"b.png', "image/png", (4, 3))
    assert form["j"].read() == {"a": 1}
    assert deserialize(b"--xx--", MULTIPART) == {}


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"", MULTIPART),
        (part(FIELD), MULTIPART),
        (b"--xx\r\nno colon", MULTIPART),
        (b"--xxx\r\n" + FIELD + b"\r\n\r\nv\r\n--xx--", MULTIPART),
        (part(b"Content-Disposition: form-data") + b"--xx--", MULTIPART),
        (part(b"Content-Disposition: attachment; name=a") + b"--xx--", MULTIPART),
        (part(FIELD + b"\r\nContent-Transfer-Encoding: base64") + b"--xx--", MULTIPART),
        (part(FIELD, b"\xff") + b"--xx--", MULTIPART),
        (part(b"X: " + b"y" * 9000 + b"\r\n" + FIELD) + b"--xx--", MULTIPART),
        (part(FIELD) + b"--xx--", "multipart/form-data"),
        (part(FIELD) + b"--xx--", "multipart/form-data; boundary=" + "x" * 71),
    ],
)
def test_an_invalid_multipart_form_is_refused_with_400(body, content_type):
    assert status(body, content_type)[0] == 400


def test_the_parts_of_a_form_are_limited(small):
    assert status(part(FIELD) * 6 + b"--xx--", MULTIPART)[0] == 413


@pytest.mark.parametrize("kind", [PARQUET, ARROW_STREAM, ARROW_FILE])
def test_no_damaged_byte_crashes_the_process(kind, tmp_path):
    """Run this test in a process of its own: PyArrow crashes on some damaged metadata."""
    file = tmp_path / "body"
    file.write_bytes(arrow_bytes(columns(), kind))
    code = """
import random, sys
from aimodellib.io import InputError, deserialize
body = open(sys.argv[1], "rb").read()
chance = random.Random(1)
refused = 0
for place in range(len(body)):
    damaged = bytearray(body)
    damaged[place] = chance.choice((body[place] ^ (1 << chance.randrange(8)), chance.randrange(256)))
    try:
        deserialize(bytes(damaged), sys.argv[2])
    except InputError:
        refused += 1
print(refused)
"""
    command = [sys.executable, "-W", "ignore", "-c", code, str(file), kind]
    result = subprocess.run(command, cwd=PACKAGE, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert int(result.stdout) > 100
