"""Parquet and Arrow: a body becomes a data frame with pandas, and a PyArrow table without it."""

from __future__ import annotations

from typing import Any, Iterator

from ._arrow_size import check_stream
from ._errors import InputError, TooLargeError, Unfit, UnwritableError
from ._limits import limits
from ._packages import has, is_instance, load

#: The size that is assumed for a cell without bytes of its own, such as a null or a dictionary's index.
CELL = 8
#: How many rows of a Parquet file are read at once.
BATCH = 65_536
#: An Arrow file is this mark, a stream, and a footer.
_FILE_MAGIC = b"ARROW1"


def read_arrow_stream(data: bytes, parameters: dict[str, str]) -> Any:
    """Read a stream of Arrow's IPC format."""
    check_stream(data, 0)
    arrow = load("pyarrow")
    return _finished(load("pyarrow.ipc").open_stream(arrow.py_buffer(data)).read_all())


def read_arrow_file(data: bytes, parameters: dict[str, str]) -> Any:
    """Read a file of Arrow's IPC format, such as Feather's."""
    if not data.startswith(_FILE_MAGIC) or not data.endswith(_FILE_MAGIC):
        raise InputError("The body is not an Arrow file: it does not begin and end with ARROW1")
    # Read it as the stream that it contains: a footer could name parts that were not checked.
    check_stream(data, 8)
    arrow = load("pyarrow")
    return _finished(load("pyarrow.ipc").open_stream(arrow.py_buffer(memoryview(data)[8:])).read_all())


def read_parquet(data: bytes, parameters: dict[str, str]) -> Any:
    """Read a Parquet file."""
    arrow = load("pyarrow")
    parquet = load("pyarrow.parquet")
    source = arrow.py_buffer(data)
    schema = parquet.read_schema(source)
    # Text stays dictionary-encoded until its length is known: a few bytes may repeat a long value.
    names = [field.name for field in schema if _is_text(field.type)]
    file = parquet.ParquetFile(source, read_dictionary=names)
    metadata = file.metadata
    _check_size(metadata.num_rows * max(1, metadata.num_columns) * CELL, "Parquet file")
    groups = [metadata.row_group(index) for index in range(metadata.num_row_groups)]
    _check_size(sum(max(0, group.total_byte_size) for group in groups), "Parquet file")
    batches = []
    size = 0
    for batch in file.iter_batches(batch_size=_batch_size(schema, groups)):
        size += batch.nbytes
        _check_size(size, "Parquet file")
        batches.append(batch)
    table = arrow.Table.from_batches(batches, file.schema_arrow)
    return _finished(table, names)


def _batch_size(schema: Any, groups: list[Any]) -> int:
    """Return a number of rows whose nested text, which is not read as a dictionary, stays within the limit."""
    if not any(_is_text(kind) for field in schema for kind in _inner_types(field.type)):
        return BATCH
    # No value is longer than its row group. PyArrow could report sizes of columns, but crashes if one is damaged.
    longest = max((group.total_byte_size for group in groups), default=1)
    return max(1, min(BATCH, limits.unpacked // max(1, longest)))


def _finished(table: Any, references: list[str] | None = None) -> Any:
    """Check how much memory a table takes, and return it as a data frame if pandas is there.

    ``references`` are the dictionary columns to turn back into columns of text.
    """
    arrow = load("pyarrow")
    # Data that Arrow did not write may contain invalid offsets.
    table.validate(full=True)
    for field in table.schema:
        _refuse_nested(field)
    size = table.num_rows * max(1, table.num_columns) * CELL
    size += sum(_text_size(column) for column in table.columns if _is_text(_value_type(column.type)))
    _check_size(size, "table")
    for name in references or ():
        index = table.schema.get_field_index(name)
        if index >= 0 and arrow.types.is_dictionary(table.schema.field(index).type):
            column = table.column(index)
            table = table.set_column(index, name, column.cast(column.type.value_type))
    return table.to_pandas() if has("pandas") else table


def _refuse_nested(field: Any) -> None:
    """Refuse types in which little data can stand for much that is not measured."""
    types = load("pyarrow").types
    kinds = [field.type, *_inner_types(field.type)]
    for depth, kind in enumerate(kinds):
        name = str(kind)
        repeats = name.startswith(("run_end_encoded", "list_view", "large_list_view"))
        inner = types.is_dictionary(kind) or types.is_null(kind) or name in ("string_view", "binary_view")
        if repeats or (depth > 0 and inner) or (types.is_fixed_size_binary(kind) and kind.byte_width == 0):
            raise InputError(f"The column {field.name!r:.60} has the type {field.type!s:.100}, which is not read")


def _inner_types(kind: Any) -> Iterator[Any]:
    # A dictionary's type has no fields.
    for index in range(getattr(kind, "num_fields", 0)):
        inner = kind.field(index).type
        yield inner
        yield from _inner_types(inner)


def _value_type(kind: Any) -> Any:
    return kind.value_type if load("pyarrow").types.is_dictionary(kind) else kind


def _is_text(kind: Any) -> bool:
    return str(kind) in ("string", "large_string", "binary", "large_binary", "string_view", "binary_view")


def _text_size(column: Any) -> int:
    """Return the size of a column's text in bytes, in which each reference counts as its whole value."""
    arrow = load("pyarrow")
    compute = load("pyarrow.compute")
    size = 0
    for chunk in column.chunks:
        if arrow.types.is_dictionary(chunk.type):
            lengths = compute.take(_lengths(chunk.dictionary), chunk.indices)
        else:
            lengths = _lengths(chunk)
        size += compute.sum(lengths.cast(arrow.int64())).as_py() or 0
    return size


def _lengths(array: Any) -> Any:
    arrow = load("pyarrow")
    if str(array.type).endswith("_view"):
        array = array.cast(arrow.large_binary()) if array.nbytes <= limits.unpacked else array
    return load("pyarrow.compute").binary_length(array)


def _check_size(size: int, what: str) -> None:
    if size > limits.unpacked:
        raise TooLargeError(f"The {what} has {size} bytes unpacked, more than {limits.unpacked}")


def records(frame: Any) -> list[dict[Any, Any]]:
    """Return the rows of a data frame, without its index."""
    if not frame.columns.is_unique:
        raise UnwritableError("predict() returned a data frame with two columns of one name")
    rows: list[dict[Any, Any]] = frame.to_dict("records")
    return rows


def write_parquet(value: Any) -> bytes:
    """Write a table as a Parquet file. Raises Unfit."""
    arrow = load("pyarrow")
    sink = arrow.BufferOutputStream()
    try:
        load("pyarrow.parquet").write_table(_as_table(value), sink)
    except arrow.ArrowNotImplementedError as error:
        raise Unfit from error
    return bytes(sink.getvalue())


def write_arrow_stream(value: Any) -> bytes:
    """Write a table as a stream of Arrow's IPC format. Raises Unfit."""
    return _write_arrow(value, "new_stream")


def write_arrow_file(value: Any) -> bytes:
    """Write a table as a file of Arrow's IPC format. Raises Unfit."""
    return _write_arrow(value, "new_file")


def _write_arrow(value: Any, writer: str) -> bytes:
    table = _as_table(value)
    sink = load("pyarrow").BufferOutputStream()
    with getattr(load("pyarrow.ipc"), writer)(sink, table.schema) as file:
        file.write(table)
    return bytes(sink.getvalue())


def _as_table(value: Any) -> Any:
    arrow = load("pyarrow")
    if isinstance(value, arrow.Table):
        return value
    try:
        if isinstance(value, arrow.RecordBatch):
            return arrow.Table.from_batches([value])
        if is_instance(value, "pandas", "Series"):
            value = value.to_frame(name=value.name if isinstance(value.name, str) else "value")
        if is_instance(value, "pandas", "DataFrame"):
            return arrow.Table.from_pandas(value, preserve_index=False)
        if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
            return arrow.Table.from_pylist(value)
        if isinstance(value, dict) and value:
            return arrow.table(value)
    except (arrow.ArrowException, TypeError, ValueError) as error:
        raise Unfit from error
    raise Unfit
