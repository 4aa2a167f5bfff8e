"""`manage.py create_api_key`, `create_admin`, `prune_runs`, `start`."""

import io
from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.utils import timezone

from agents.events import ChatComplete
from chat.models import ApiKey, Message, Run, RunEvent
from chat.tests.rows import make_conversation, make_run, make_user, tell

pytestmark = pytest.mark.django_db


def command(name: str, *arguments: str, **options: object) -> tuple[str, str]:
    """What the command prints, and what it says beside it."""
    printed, said = io.StringIO(), io.StringIO()
    call_command(name, *arguments, stdout=printed, stderr=said, **options)
    return printed.getvalue(), said.getvalue()


def test_a_key_is_printed_alone_and_its_user_made_at_need():
    printed, said = command("create_api_key", "dora")
    key = ApiKey.objects.find(printed.strip())
    assert key is not None
    assert (key.user.get_username(), key.scopes, key.expires_at) == ("dora", ["chat"], None)
    assert not key.user.has_usable_password()
    assert "dora" in said
    assert printed.strip() not in said


def test_a_key_for_somebody_who_is_there_is_theirs():
    alice = make_user()
    printed, said = command("create_api_key", "alice", "--scope", "agents", "--scope", "chat", "--expires-days", "2")
    key = ApiKey.objects.find(printed.strip())
    assert (key.user, key.scopes) == (alice, ["agents", "chat"])
    assert timedelta(days=1.9) < key.expires_at - timezone.now() < timedelta(days=2)
    assert f"until {key.expires_at:%Y-%m-%d}" in said


@pytest.mark.parametrize("arguments", [["--expires-days", "0"], ["--expires-days", "-1"], ["--expires-days", "99999"],
                                       ["--expires-days", "soon"], ["--scope", "everything"]])  # fmt: skip
def test_a_key_that_cannot_be_is_not_made(arguments):
    with pytest.raises(CommandError):
        command("create_api_key", "dora", *arguments)
    assert not ApiKey.objects.exists()


def test_the_admin_is_made_once_and_the_password_told_once(client):
    first, _ = command("create_admin")
    password = first.partition("password: ")[2].split()[0]
    local = get_user_model().objects.get(username="local")
    assert (local.is_superuser, local.is_staff, local.check_password(password)) == (True, True, True)
    second, _ = command("create_admin")
    assert password not in second
    assert "changepassword local" in second
    local.refresh_from_db()
    assert local.check_password(password)


def test_an_admin_under_another_name_is_enough():
    get_user_model().objects.create_superuser("root", password="root-password")
    printed, _ = command("create_admin")
    assert "shown this once" not in printed
    assert "changepassword root" in printed
    assert not get_user_model().objects.get(username="local").is_superuser


def test_the_admin_is_made_even_where_the_local_user_was_deleted():
    get_user_model().objects.filter(username="local").delete()
    printed, _ = command("create_admin")
    assert "user: local" in printed


def ended(days_ago: float, **fields: object) -> Run:
    run = make_run(make_conversation(make_user()), content="Kept.", status=Run.Status.COMPLETED)
    tell(run, ChatComplete(final_response="Kept.", total_tool_calls=0))
    Run.objects.filter(pk=run.pk).update(finished_at=timezone.now() - timedelta(days=days_ago), **fields)
    return run


def test_events_of_runs_that_ended_long_ago_are_pruned_and_messages_stay():
    old, young = ended(31), ended(29)
    running = make_run(make_conversation(make_user("bob")))
    tell(running, ChatComplete(final_response="x", total_tool_calls=0))
    printed, _ = command("prune_runs")
    assert "the events of 1 runs are gone" in printed
    assert set(RunEvent.objects.values_list("run_id", flat=True)) == {young.pk, running.pk}
    assert list(Run.objects.filter(events_pruned=True)) == [old]
    assert Message.objects.get(pk=old.answer_id).content == "Kept."
    assert "the events of 0 runs are gone" in command("prune_runs")[0]


def test_pruning_takes_as_many_batches_as_it_needs_and_days_may_be_given():
    for _ in range(3):
        ended(2)
    printed, _ = command("prune_runs", "--days", "1")
    assert "the events of 3 runs are gone" in printed
    for wrong in ("-1", "1000000"):
        with pytest.raises(CommandError, match="0 to"):
            command("prune_runs", "--days", wrong)
