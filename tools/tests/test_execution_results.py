from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tools.base import ToolContext, tool
from tools.exceptions import ToolError
from tools.execution import execute

CONTEXT = ToolContext(call_id="call_1", idempotency_key="run_1:call_1")


@tool
async def echo(value: Any) -> Any:
    """Give the value back."""
    return value


@tool
async def give(context: ToolContext) -> Any:
    """Give what the test asks for."""
    return GIFTS[context.call_id]


GIFTS: dict[str, Any] = {
    "text": "plain text",
    "object": {"city": "Köln", "list": [1, 2.5, None, True]},
    "nothing": None,
}


@pytest.mark.parametrize(
    ("gift", "content"),
    [("text", "plain text"), ("object", '{"city":"Köln","list":[1,2.5,null,true]}'), ("nothing", "null")],
)
async def test_text_is_told_as_it_is_and_anything_else_as_compact_json(gift, content):
    result = await execute(give, {}, timeout=5, context=ToolContext(gift, "key"))
    assert (result.value, result.content) == (GIFTS[gift], content)


@pytest.mark.parametrize("value", [object(), b"\xff", iter([1]), (n for n in [1]), {"deep": object()}], ids=repr)
async def test_a_value_without_a_json_form_is_an_error(run, caplog, value):
    @tool
    async def strange() -> Any:
        """Return something strange."""
        return value

    assert (await run(strange)).error == "strange returned a value that has no JSON form"
    assert "strange" in caplog.text


@pytest.mark.parametrize("value", ["x" * 1000, ["x" * 1000]], ids=["text", "json"])
async def test_a_result_that_is_too_long_is_cut_and_says_so(run, value):
    result = await run(echo, {"value": value}, max_result_chars=200)
    assert result.truncated
    assert result.value == result.content
    assert len(result.content) == 200
    assert "xxx\n[Cut: the result has 1,00" in result.content
    assert result.content.endswith("characters, more than the 200 allowed.]")
    assert result.error is None


async def test_a_result_of_just_the_allowed_length_is_whole(run):
    result = await run(echo, {"value": "x" * 200}, max_result_chars=200)
    assert (result.value, result.truncated) == ("x" * 200, False)


async def test_a_long_error_is_cut_too(run):
    @tool
    async def fail() -> None:
        """Fail."""
        raise ToolError("x" * 1000 + "\0")

    result = await run(fail, max_result_chars=200)
    assert (result.truncated, len(result.error)) == (True, 200)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters()), inner, max_size=3),
    max_leaves=10,
)


@settings(max_examples=100)
@given(arguments=st.text(st.characters()) | JSON | st.fixed_dictionaries({"value": JSON}))
async def test_whatever_the_arguments_are_a_result_comes_back(arguments):
    result = await execute(echo, arguments, timeout=5, context=CONTEXT, max_result_chars=500)
    assert (result.error is None) or result.value is None
    result.content.encode()
    assert "\0" not in result.content
    assert len(result.content) <= 500 + len("Error: ")
