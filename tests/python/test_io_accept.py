"""Content types, and negotiation by Accept (RFC 9110)."""

import io_support  # noqa: F401
import pytest

from aimodellib.io._accept import MAX_MEMBERS, choose
from aimodellib.io._media import parse_media_type

JSON, CSV, PLAIN, PNG = "application/json", "text/csv", "text/plain", "image/png"


@pytest.mark.parametrize(
    ("accepted", "offers", "chosen"),
    [
        ("*/*", (JSON, CSV), JSON),
        ("", (JSON, CSV), JSON),
        ("text/csv", (JSON, CSV), CSV),
        ("TEXT/CSV", (JSON, CSV), CSV),
        ("image/png", (JSON, CSV), None),
        ("text/*", (JSON, CSV, PLAIN), CSV),
        ("text/csv;q=0.5, application/json;q=0.4", (JSON, CSV), CSV),
        ("text/csv;q=0.4, application/json;q=0.4", (JSON, CSV), JSON),
        ("text/csv, */*;q=0.1", (JSON, CSV), CSV),
        ("image/png, */*;q=0.1", (JSON, CSV), JSON),
        ("text/csv;q=0, */*", (CSV, JSON), JSON),
        ("*/*;q=0", (JSON,), None),
        ("application/json;q=0.000", (JSON,), None),
        # The more specific range counts, not the higher quality nor the order.
        ("text/*;q=0.9, text/csv;q=0.1, application/json;q=0.5", (CSV, JSON), JSON),
        ("*/*, text/*;q=0.1, application/json;q=0.5", (CSV, JSON), JSON),
        # RFC 9110's own example.
        (
            "text/*;q=0.3, text/plain;q=0.7, text/plain;format=flowed, */*;q=0.5",
            ("text/plain;format=flowed", PNG),
            "text/plain;format=flowed",
        ),
        ("text/*;q=0.3, text/plain;q=0.7, text/plain;format=flowed, */*;q=0.5", (CSV, PNG), PNG),
        # A range with parameters matches only types with them; all text is UTF-8.
        ("text/plain;format=flowed", (PLAIN,), None),
        ("application/json; charset=UTF-8", (JSON,), JSON),
        ("text/plain; charset=latin-1", (PLAIN,), None),
        # Invalid members are ignored. Without a valid one, the field counts as absent.
        ("json", (JSON, CSV), JSON),
        ("text/csv;q=2, application/json;q=0.1", (CSV, JSON), JSON),
        ("text/csv;q=x", (JSON, CSV), JSON),
        (", ,text/csv,", (JSON, CSV), CSV),
        ('text/csv;a="x,y;q=0";q=0.2, application/json;q=0.1', (JSON, CSV), JSON),
        # The field of a browser.
        ("text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8", (JSON, PNG), JSON),
    ],
)
def test_choose_follows_quality_and_specificity(accepted, offers, chosen):
    assert choose(accepted, offers) == chosen


def test_a_long_field_is_parsed_up_to_a_limit_in_linear_time():
    assert choose("image/png," * MAX_MEMBERS + "text/csv", (JSON, CSV)) is None
    assert choose('"\\"' * 20_000, (JSON,)) == JSON
    assert choose("a/b;" * 15_000, (JSON,)) is None


@pytest.mark.parametrize(
    ("text", "name", "parameters"),
    [
        ("Text/CSV", "text/csv", {}),
        (' text/csv ; Charset="utf-8" ;header=absent', "text/csv", {"charset": "utf-8", "header": "absent"}),
        ('a/b;x="q\\"uoted; y=1";z=2', "a/b", {"x": 'q"uoted; y=1', "z": "2"}),
        ("a/b;;x=1;", "a/b", {"x": "1"}),
        ("a/b;x=1;x=2", "a/b", {"x": "1"}),
    ],
)
def test_parse_media_type_reads_parameters(text, name, parameters):
    assert parse_media_type(text) == (name, parameters)


@pytest.mark.parametrize("text", ["", "json", "/", "a/", "*", "text csv"])
def test_parse_media_type_returns_none_for_an_invalid_type(text):
    assert parse_media_type(text) is None
