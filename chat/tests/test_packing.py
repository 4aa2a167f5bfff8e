"""Packed events: read as they were, by whoever reads, whatever of a run is packed at the moment."""

import asyncio
import uuid
from contextlib import aclosing
from datetime import timedelta

import hypothesis.strategies as st
import pytest
from django.core.management import CommandError
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings

from agents.events import ChatChunk, ChatComplete
from chat import packing
from chat.account import export
from chat.ids import earliest_id, new_id
from chat.journal import Journal
from chat.journal.live_run import READ_BYTES
from chat.journal.reading import read_entries, stored_entries
from chat.models import EventPack, Run, RunEvent
from chat.packing import Packing, next_pack, pack_run, put_in_place, runs_to_pack
from chat.retention import prune_batch
from chat.tests.rows import make_conversation, make_run, make_user, tell
from chat.tests.test_commands import command

pytestmark = pytest.mark.django_db(transaction=True)


def ended_run(*pieces: str, seconds_ago: float = 100) -> Run:
    ended_at = timezone.now() - timedelta(seconds=seconds_ago)
    began = uuid.UUID(int=new_id().int % (1 << 80) + earliest_id(ended_at - timedelta(seconds=1)).int)
    conversation = make_conversation(make_user())
    run = make_run(conversation, id=began, content="".join(pieces), status=Run.Status.COMPLETED, finished_at=ended_at)
    last = ChatComplete(final_response="".join(pieces), total_tool_calls=0)
    tell(run, *(ChatChunk(content=piece) for piece in pieces), last)
    return run


def facts(entries) -> list[tuple[int, str, bytes]]:
    return [(entry.seq, entry.event_type, entry.body) for entry in entries]


def rows_of(run: Run) -> list[tuple[int, str, bytes]]:
    rows = RunEvent.objects.filter(run=run).order_by("seq").values_list("seq", "event_type", "body")
    return [(seq, kind, body.encode()) for seq, kind, body in rows]


def pack_first(run: Run, count: int) -> None:
    """As next_pack, of at most so many events."""
    entries = packing.unpacked(run.pk, READ_BYTES)[:count]
    made = EventPack(run_id=run.pk, first_seq=entries[0].seq, last_seq=entries[-1].seq, data=packing.pack(entries))
    with transaction.atomic():
        assert put_in_place(made)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    sizes=st.lists(st.sampled_from([1, 50, 30_000]), min_size=1, max_size=12),
    packs=st.lists(st.integers(1, 8), max_size=4),
    max_bytes=st.sampled_from([1, 200, READ_BYTES, 10 * READ_BYTES]),
    max_rows=st.integers(1, 20),
)
def test_whatever_is_packed_every_cursor_gives_the_rest_of_the_journal(sizes, packs, max_bytes, max_rows):
    run = ended_run(*("x" * size for size in sizes))
    told = rows_of(run)
    for count in packs:
        if RunEvent.objects.filter(run=run).exists():
            pack_first(run, count)
    assert facts(stored_entries(run.pk)) == told
    assert Run.objects.get(pk=run.pk).last_seq() == Run.objects.with_last_seq().get(pk=run.pk).newest_seq == len(told)
    for after in range(len(told) + 1):
        seen = []
        while True:
            entries, ended = read_entries(run.pk, after + len(seen), max_bytes, max_rows)
            assert ended
            if not entries:
                break
            assert len(entries) <= max_rows
            assert len(entries) == 1 or sum(len(entry.body) for entry in entries) <= max_bytes
            seen += facts(entries)
        assert seen == told[after:]


def test_a_run_is_packed_into_pieces_that_a_reader_takes_at_once():
    run = ended_run(*(f"{number} " * 200 for number in range(400)))
    told = rows_of(run)
    packs = list(pack_run(run.pk))
    assert len(packs) > 3
    assert not RunEvent.objects.exists()
    assert facts(stored_entries(run.pk)) == told
    for made in packs:
        entries, _ = read_entries(run.pk, made.first_seq - 1, READ_BYTES)
        assert (entries[0].seq, entries[-1].seq) == (made.first_seq, made.last_seq)
    assert list(pack_run(run.pk)) == []


def test_runs_are_packed_that_ended_long_enough_ago_the_oldest_first():
    old, older = ended_run("a"), ended_run("b", seconds_ago=200)
    ended_run("young", seconds_ago=1)
    running = make_run(make_conversation(make_user()))
    tell(running, ChatChunk(content="x"))
    pruned = ended_run("c")
    Run.objects.filter(pk=pruned.pk).update(events_pruned=True)
    assert runs_to_pack(60) == [older.pk, old.pk]
    assert runs_to_pack(60, older.pk) == [old.pk]
    list(pack_run(older.pk))
    assert runs_to_pack(60) == [old.pk]


def test_what_another_process_has_packed_or_pruned_meanwhile_is_left_as_it_is():
    run = ended_run("a", "b")
    told = rows_of(run)
    mine, same = next_pack(run.pk), next_pack(run.pk)
    with transaction.atomic():
        assert put_in_place(mine)
    with transaction.atomic():
        assert not put_in_place(same)
    assert facts(stored_entries(run.pk)) == told
    other = ended_run("c", seconds_ago=86400 * 90)
    late = next_pack(other.pk)
    prune_batch()
    with transaction.atomic():
        assert not put_in_place(late)
    assert list(EventPack.objects.values_list("run_id", flat=True)) == [run.pk]
    gone = ended_run("d")
    last = next_pack(gone.pk)
    gone.conversation.delete()
    with transaction.atomic():
        assert not put_in_place(last)


def test_a_part_of_the_rows_is_not_packed_for_the_whole():
    run = ended_run("a", "b", "c")
    made = next_pack(run.pk)
    RunEvent.objects.filter(run=run, seq=2).delete()
    with transaction.atomic():
        assert not put_in_place(made)
    assert RunEvent.objects.filter(run=run).count() == 3
    assert not EventPack.objects.exists()


def test_packed_events_are_pruned_and_deleted_with_the_rest():
    run, kept = ended_run("a", seconds_ago=86400 * 90), ended_run("b")
    for each in (run, kept):
        list(pack_run(each.pk))
    prune_batch()
    assert list(EventPack.objects.values_list("run_id", flat=True)) == [kept.pk]
    kept.conversation.delete()
    assert not EventPack.objects.exists()


def test_packed_events_are_exported():
    run = ended_run("a", "b")
    told = rows_of(run)
    before = list(dict(export(run.caller))["events"])
    pack_first(run, 2)
    assert list(dict(export(run.caller))["events"]) == before
    assert [row["body"].encode() for row in before] == [body for _, _, body in told]


def test_packed_events_are_shown_in_the_admin(admin_client):
    run = ended_run("an apple")
    list(pack_run(run.pk))
    assert "an apple" in admin_client.get(f"/admin/chat/run/{run.pk}/change/").text


def test_the_command_packs_what_is_old_enough_in_as_many_looks_as_it_needs():
    runs = packing.RUNS_AT_ONCE + 1
    for _ in range(runs):
        ended_run("a", "b")
    ended_run("young", seconds_ago=10)
    assert f"{3 * runs} events of {runs} runs are packed" in command("pack_runs")[0]
    assert "0 events of 0 runs" in command("pack_runs")[0]
    assert "2 events of 1 runs" in command("pack_runs", "--after", "0")[0]
    for wrong in ("-1", "100000000000"):
        with pytest.raises(CommandError, match="0 to"):
            command("pack_runs", "--after", wrong)


async def test_a_reader_misses_nothing_while_two_processes_pack_its_run(settings):
    settings.PACK_EVENTS_AFTER_SECONDS = 0
    journal, other = Journal(gather=0.001), Journal(gather=0.001)
    run = await journal.execute(lambda: ended_run(*(f"{number} " * 500 for number in range(300))))
    told = await journal.execute(lambda: rows_of(run))
    seen: list[list] = [[] for _ in range(4)]

    async def follow(into: list, pause: float) -> None:
        async with aclosing(journal.follow(run.pk)) as batches:
            async for batch in batches:
                into += facts(batch)
                await asyncio.sleep(pause)

    await asyncio.gather(
        *(follow(into, number / 100) for number, into in enumerate(seen)),
        *(Packing(each).pack_some() for each in (journal, other)),
    )
    assert [len(each) for each in seen] == [len(told)] * 4
    assert all(each == told for each in seen)
    assert await journal.execute(lambda: facts(stored_entries(run.pk))) == told
    await journal.execute(lambda: list(pack_run(run.pk)))  # where both have left it to each other
    assert await journal.execute(lambda: facts(stored_entries(run.pk))) == told
    assert not await journal.execute(lambda: RunEvent.objects.exists())
    for each in (journal, other):
        await each.drain()
