import pytest

from tools.base import Tool
from tools.exceptions import DuplicateToolError, UnknownToolError
from tools.registry import ToolRegistry


def named(name: str) -> Tool:
    def function() -> None:
        """Do nothing."""

    return Tool.from_function(function, name=name)


def test_tools_are_held_in_the_order_of_registration():
    one, two = named("one"), named("two")
    registry = ToolRegistry([two])
    registry.register(one)
    assert list(registry) == [two, one]
    assert registry.names() == ("two", "one")
    assert len(registry) == 2
    assert "one" in registry
    assert "three" not in registry
    assert registry.get("one") is one
    assert registry.select(["one", "two"]) == (one, two)


def test_another_tool_of_the_same_name_is_an_error():
    registry = ToolRegistry([named("one")])
    with pytest.raises(DuplicateToolError, match="'one'"):
        registry.register(named("one"))


def test_the_same_tool_may_be_registered_again():
    one = named("one")
    assert list(ToolRegistry([one, one])) == [one]


def test_an_unknown_name_is_an_error_that_lists_the_known_ones():
    with pytest.raises(UnknownToolError, match=r"no tool 'two'\. There are: one"):
        ToolRegistry([named("one")]).get("two")
    with pytest.raises(UnknownToolError, match="There are: none"):
        ToolRegistry().select(["two"])


def test_replacing_keeps_what_was_there_when_it_fails():
    registry = ToolRegistry([named("one")])
    with pytest.raises(DuplicateToolError):
        registry.replace([named("two"), named("two")])
    assert registry.names() == ("one",)
    registry.replace([named("two")])
    assert registry.names() == ("two",)
