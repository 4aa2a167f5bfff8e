import jsonschema
import pytest
from drf_spectacular.generators import SchemaGenerator

from tools.models import Tool

pytestmark = pytest.mark.django_db


def get_tools(client):
    response = client.get("/tools", headers={"host": "localhost"})
    assert response.status_code == 200
    return response.json()


def test_the_tools_are_listed_with_their_schemas(client):
    body = get_tools(client)
    assert list(body) == ["results", "next", "count"]
    assert (body["next"], body["count"]) == (None, len(body["results"]))
    calculate = next(tool for tool in body["results"] if tool["name"] == "calculate")
    assert calculate["description"] == "Evaluate a mathematical expression."
    assert calculate["parameters"]["required"] == ["expression"]
    assert {name: calculate[name] for name in ("enabled", "timeout", "requires_approval", "replay")} == {
        "enabled": True,
        "timeout": None,
        "requires_approval": False,
        "replay": "safe",
    }
    for tool in body["results"]:
        jsonschema.Draft202012Validator.check_schema(tool["parameters"])


def test_the_tools_are_in_the_order_of_their_names(client):
    names = [tool["name"] for tool in get_tools(client)["results"]]
    assert names == sorted(names)


def test_what_an_admin_decided_is_told(client):
    Tool.objects.filter(name="calculate").update(enabled=False, timeout=2.5, requires_approval=True, replay="unsafe")
    calculate = next(tool for tool in get_tools(client)["results"] if tool["name"] == "calculate")
    assert (calculate["enabled"], calculate["timeout"]) == (False, 2.5)
    assert (calculate["requires_approval"], calculate["replay"]) == (True, "unsafe")


def test_a_tool_that_left_the_code_is_not_listed(client):
    Tool.objects.create(name="gone", description="Gone.", parameters={}, available=False)
    assert "gone" not in {tool["name"] for tool in get_tools(client)["results"]}


def test_more_tools_cost_no_more_queries(client, django_assert_max_num_queries):
    with django_assert_max_num_queries(5):
        get_tools(client)


def test_the_list_cannot_be_written(client):
    assert client.post("/tools", {}, content_type="application/json", headers={"host": "localhost"}).status_code == 405


def test_the_operation_is_in_the_schema():
    schema = SchemaGenerator().get_schema(public=True)
    operation = schema["paths"]["/tools"]["get"]
    assert operation["operationId"] == "list_tools"
    assert operation["responses"]["200"]["content"]["application/json"]["examples"]


def test_a_stranger_without_credentials_is_refused(client):
    response = client.get("/tools", headers={"host": "localhost"}, REMOTE_ADDR="203.0.113.9")
    assert response.status_code == 401
    assert response.json()["error"]["code"] == "unauthenticated"
    assert "calculate" not in response.text
