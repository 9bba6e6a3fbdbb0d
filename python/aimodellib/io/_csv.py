"""CSV: RFC 4180. A body becomes a data frame with pandas, and a list of rows without it."""

from __future__ import annotations

import csv
import io
import re
from typing import Any, Iterable, List, Union

from ._errors import InputError, TooLargeError, Unfit
from ._limits import limits
from ._media import decode
from ._packages import has, is_instance, load

_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|[+-]?(?:nan|inf|infinity)", re.IGNORECASE)
#: A longer number is read as a float.
_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")

Cell = Union[int, float, str, None]
Rows = Union[List[List[Cell]], List[dict]]  # type: ignore[type-arg]


def read_csv(data: bytes, parameters: dict[str, str]) -> Any:
    """Read a table. The content type's parameter ``header`` says whether its first line holds the names of the columns.

    Without the parameter, a first line without any number is taken for a header. Raises InputError and TooLargeError.
    """
    text = decode(data, parameters.get("charset"))
    present = parameters.get("header", "").lower()
    if present not in ("", "present", "absent"):
        raise InputError(f"The parameter 'header' of text/csv is 'present' or 'absent', not {present!r:.40}")
    use_pandas = has("pandas")
    rows = _rows(text, None if use_pandas else limits.rows)
    first = rows[0]
    has_header = present == "present" or (present == "" and not any(_is_number(cell) for cell in first))
    if has_header:
        seen: set[str] = set()
        for name in first:
            if name in seen:
                raise InputError(f"The header of the CSV has {name!r:.60} twice")
            seen.add(name)
    if use_pandas:
        pandas = load("pandas")
        return pandas.read_csv(io.StringIO(text), header=0 if has_header else None, index_col=False)
    return _converted(rows, has_header)


def _rows(text: str, most: int | None) -> list[list[str]]:
    """Return all rows that are not empty. Raises InputError if one is longer or shorter than the first."""
    found: list[list[str]] = []
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        for row in reader:
            if not row:
                continue
            if found and len(row) != len(found[0]):
                message = f"line {reader.line_num} has {len(row)} fields, and the first one {len(found[0])}"
                raise InputError(f"The CSV is not a table: {message}")
            # pandas reads the text itself, and needs only the first row from here.
            if most is not None or not found:
                found.append(row)
            if most is not None and len(found) > most:
                raise TooLargeError(f"The CSV has more than {most} lines")
    except csv.Error as error:
        raise InputError(f"The body is not CSV: line {reader.line_num}: {error}") from error
    if not found:
        raise InputError("The CSV is empty: expected a line for each row")
    return found


def _is_number(cell: str) -> bool:
    return _NUMBER.fullmatch(cell.strip()) is not None


def _converted(rows: list[list[str]], has_header: bool) -> Rows:
    """Turn the cells of a column into numbers if all of them are numbers; an empty cell is None."""
    names = rows.pop(0) if has_header else None
    columns: list[list[Cell]] = []
    for column in zip(*rows):
        filled = [cell for cell in column if cell]
        as_number = bool(filled) and all(map(_is_number, filled))
        columns.append([(_number(cell) if as_number else cell) if cell else None for cell in column])
    if names is None:
        return [list(row) for row in zip(*columns)]
    return [dict(zip(names, row)) for row in zip(*columns)]


def _number(cell: str) -> int | float:
    stripped = cell.strip()
    return int(stripped) if _INTEGER.fullmatch(stripped) else float(stripped)


def write_csv(value: Any) -> tuple[bytes, str]:
    """Write a table. Return it with its content type, which says whether there is a header. Raises Unfit."""
    header, rows = _table(value)
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    if header is not None:
        writer.writerow(header)
    writer.writerows([_text(cell) for cell in row] for row in rows)
    try:
        content = file.getvalue().encode()
    except UnicodeEncodeError as error:
        raise Unfit from error
    return content, f"text/csv; charset=utf-8; header={'absent' if header is None else 'present'}"


def _table(value: Any) -> tuple[list[str] | None, Iterable[Iterable[Any]]]:
    """Return the names of the columns, or None, and the rows."""
    if is_instance(value, "pandas", "Series"):
        value = value.to_frame()
    if is_instance(value, "pandas", "DataFrame"):
        return list(map(str, value.columns)), value.itertuples(index=False, name=None)
    if is_instance(value, "pyarrow", "RecordBatch", "Table"):
        return list(value.schema.names), zip(*(column.to_pylist() for column in value.columns))
    items = _plain(value)
    if isinstance(items, dict):
        items = [items] if not any(isinstance(item, (list, dict)) for item in items.values()) else _of_columns(items)
    if not isinstance(items, list) or not items:
        raise Unfit
    if all(isinstance(item, dict) for item in items):
        names = list(dict.fromkeys(str(key) for item in items for key in item))
        return names, ([item.get(name) for name in names] for item in items)
    if all(isinstance(item, list) for item in items):
        return None, items
    if any(isinstance(item, (list, dict)) for item in items):
        raise Unfit
    return None, ([item] for item in items)


def _of_columns(columns: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the rows of a dict of lists of equal length. Raises Unfit."""
    if not all(isinstance(column, list) for column in columns.values()) or len(set(map(len, columns.values()))) != 1:
        raise Unfit
    return [dict(zip(columns, row)) for row in zip(*columns.values())]


def _plain(value: Any) -> Any:
    """Return the value that its JSON stands for. Raises Unfit."""
    import json

    from ._errors import UnwritableError
    from ._json import write_json

    try:
        return json.loads(write_json(value))
    except UnwritableError as error:
        raise Unfit from error


def _text(cell: object) -> object:
    """Return what the csv module should write: a missing value becomes an empty cell, a nested one JSON."""
    if cell is None or cell != cell:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, (str, int, float)):
        return cell
    from ._json import write_json

    text = write_json(cell).decode()
    return text[1:-1] if text.startswith('"') else "" if text == "null" else text
