"""The database's connections."""

import pytest
from django.db import connection

from agents.statements import Cursor
from chat.database import WRITER_CACHE, in_database
from chat.journal import Journal

pytestmark = pytest.mark.django_db(transaction=True)


def pages() -> int:
    """KiB, as a negative number."""
    ((kept,),) = Cursor().rows("PRAGMA cache_size" if connection.vendor == "sqlite" else "SELECT 0")
    return int(kept)


async def test_the_writer_keeps_more_pages_than_readers():
    journal = Journal(gather=0.01)
    try:
        writers, readers = await journal.execute(pages), await in_database(pages)
    finally:
        await journal.drain()
    if connection.vendor == "sqlite":
        assert (writers, readers) == (-WRITER_CACHE, -2048)
