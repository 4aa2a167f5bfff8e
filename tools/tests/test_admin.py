import pytest
from django.urls import reverse

from tools.models import Tool

LIST = "/admin/tools/tool/"

pytestmark = pytest.mark.django_db


@pytest.fixture
def row():
    return Tool.objects.get(name="get_weather")


@pytest.fixture
def alice(client, django_user_model):
    """The client of an administrator."""
    client.defaults["HTTP_HOST"] = "localhost"
    client.force_login(django_user_model.objects.create_superuser("alice", password="alice-password"))
    return client


def page(row: Tool) -> str:
    return reverse("admin:tools_tool_change", args=[row.pk])


def test_the_list_shows_every_tool_with_its_rules(alice):
    text = alice.get(LIST).text
    for name in ("get_weather", "calculate", "get_time", "search_web", "get_stock_price"):
        assert name in text
    assert "Get the current weather of a city." in text
    assert 'name="form-0-enabled"' in text


def test_a_tool_is_switched_off_in_the_list(alice):
    rows = list(Tool.objects.all())
    data = {"form-TOTAL_FORMS": len(rows), "form-INITIAL_FORMS": len(rows), "_save": "Save"}
    for number, row in enumerate(rows):
        data[f"form-{number}-id"] = row.pk
        if row.name != "calculate":
            data[f"form-{number}-enabled"] = "on"
    assert alice.post(LIST, data).status_code == 302
    assert set(Tool.objects.filter(enabled=False).values_list("name", flat=True)) == {"calculate"}


def test_tools_are_searched_and_filtered(alice):
    text = alice.get(LIST, {"q": "ticker"}).text
    assert "get_stock_price" not in text
    text = alice.get(LIST, {"q": "stock", "enabled__exact": "1"}).text
    assert "get_stock_price" in text
    assert "get_weather" not in text


def test_the_schema_is_shown_pretty_and_read_only(alice, row):
    row.parameters = {"type": "object", "title": "<script>"}
    row.save()
    text = alice.get(page(row)).text
    assert "&quot;type&quot;: &quot;object&quot;,\n" in text
    assert "&lt;script&gt;" in text
    assert 'name="parameters"' not in text
    assert 'name="description"' not in text


def test_rules_are_decided_and_given_back_to_the_code(alice, row):
    data = {"enabled": "on", "timeout": "12.5", "requires_approval": "true", "replay": "unsafe"}
    assert alice.post(page(row), data).status_code == 302
    row.refresh_from_db()
    assert (row.timeout, row.requires_approval, row.replay) == (12.5, True, "unsafe")

    data = {"enabled": "on", "timeout": "", "requires_approval": "unknown", "replay": ""}
    assert alice.post(page(row), data).status_code == 302
    row.refresh_from_db()
    assert (row.timeout, row.requires_approval, row.replay) == (None, None, "")


def test_a_wrong_timeout_is_refused_with_a_reason(alice, row):
    response = alice.post(page(row), {"enabled": "on", "timeout": "0", "requires_approval": "unknown", "replay": ""})
    assert response.status_code == 200
    assert "Give a timeout above 0 and up to 3600 seconds" in response.text


def test_tools_of_the_code_are_neither_added_nor_deleted(alice, row):
    assert alice.get(reverse("admin:tools_tool_add")).status_code == 403
    delete = reverse("admin:tools_tool_delete", args=[row.pk])
    assert alice.post(delete, {"post": "yes"}).status_code == 403
    assert "delete_selected" not in alice.get(LIST).text
    assert Tool.objects.filter(pk=row.pk).exists()


def test_a_tool_that_left_the_code_may_be_deleted(alice):
    gone = Tool.objects.create(name="gone", description="Gone.", parameters={}, available=False)
    delete = reverse("admin:tools_tool_delete", args=[gone.pk])
    assert alice.post(delete, {"post": "yes"}).status_code == 302
    assert not Tool.objects.filter(pk=gone.pk).exists()


def test_staff_without_permission_see_nothing(alice, client, django_user_model):
    bob = django_user_model.objects.create_user("bob", password="bob-password", is_staff=True)
    client.force_login(bob)
    assert client.get(LIST).status_code == 403
