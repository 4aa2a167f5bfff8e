"""Marks for tests that need only one of the profiles."""

import pytest

on_sqlite = pytest.mark.parametrize("server", ["sqlite"], indirect=True)  # what is kept does not matter
on_postgres = pytest.mark.parametrize("server", ["postgres"], indirect=True)  # a second process takes part
