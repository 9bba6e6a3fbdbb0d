"""What several files of tests share."""

import pytest


@pytest.fixture(scope="session")
def mypy_cache(tmp_path_factory):
    """A cache in which mypy keeps the types of the standard library for the next test."""
    return str(tmp_path_factory.mktemp("mypy"))
