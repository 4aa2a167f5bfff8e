"""What the demo model says: answers from tool results, and the few texts that it knows."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from agents.messages import ToolCall

NOTE = (
    "*I'm the demo model, a small program without real understanding."
    " Set `OPENAI_API_KEY` or `OPENAI_BASE_URL` and restart to talk to a real model.*"
)
SUGGESTIONS = """\
- What's the weather in Tokyo and what's 15 + 27?
- What time is it in New York?
- What is the stock price of AAPL?
- Search the web for the Django framework
- Show me a table, or some code
- Count to 200 (to try *Stop*, or to reload in the middle)"""
GREETING = f"Hello! I can try a few things for you:\n\n{SUGGESTIONS}"
HELP = f"I understand simple requests and answer them with tools. For example:\n\n{SUGGESTIONS}"
ABOUT = (
    "I'm the demo model that comes with this server. I follow a handful of rules to call tools and to show how answers"
    " stream; I don't understand language the way a real model does."
)
THANKS = "You're welcome!"
UNKNOWN = f"That is beyond what a demo model can answer. I do understand requests like these:\n\n{SUGGESTIONS}"
TABLE = """\
Here is a table:

| Planet | Diameter (km) | Moons |
|---|---:|---:|
| Mercury | 4,879 | 0 |
| Earth | 12,742 | 1 |
| Mars | 6,779 | 2 |
| Jupiter | 139,820 | 95 |"""
CODE = """\
Here is some code:

```python
def fibonacci(count: int) -> list[int]:
    numbers = [0, 1]
    while len(numbers) < count:
        numbers.append(numbers[-1] + numbers[-2])
    return numbers[:count]


print(fibonacci(10))
```

1. It starts with the first two numbers,
2. adds the last two until there are enough,
3. and returns them."""
MARKDOWN = f"## Markdown\n\nText can be **bold**, *italic* or `code`.\n\n> A quotation.\n\n{TABLE}\n\n{CODE}"
THOUGHT = (
    "The message asks me to think. I am a demo model, so this is a script: first I look at the question, then I weigh"
    " what I know of it, which is nothing, and then I say so."
)
STORY = [
    "The lighthouse keeper woke before the sun and climbed the {} steps to the lamp.",
    "On day {} the sea was as flat as a table, and a small boat came out of the fog.",
    "In it sat a traveller who carried {} letters, none of them for him.",
    "They drank tea and counted the waves until they came to {}.",
    "“Every light is a promise,” said the keeper, and lit the lamp for the {}th time.",
    "The traveller wrote it down in a notebook that had {} empty pages left.",
]
STORY_PARAGRAPHS = 40
MAX_COUNT = 2000


def _story(_: re.Match[str]) -> str:
    paragraphs = (
        " ".join(sentence.format(number * len(STORY) + place) for place, sentence in enumerate(STORY, 1))
        for number in range(STORY_PARAGRAPHS)
    )
    return "\n\n".join(f"**{number}.** {paragraph}" for number, paragraph in enumerate(paragraphs, 1))


def _count(match: re.Match[str]) -> str:
    last = min(int(match["last"][:9]), MAX_COUNT)
    return ", ".join(str(number) for number in range(1, last + 1)) or "There is nothing to count."


TOPICS: list[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]]] = [
    (re.compile(pattern, re.IGNORECASE), answer)
    for pattern, answer in (
        (r"\bcount\b.*?\bto (?P<last>\d+)", _count),
        (r"\b(?:story|essay|novel|long (?:text|answer))\b", _story),
        (r"\bmarkdown\b|\bformatting\b", MARKDOWN),
        (r"\btable\b", TABLE),
        (r"\bcode\b|\bprogram\b|\bfunction\b|\bscript\b", CODE),
        (r"\b(?:who|what) are you\b|\bwhat model\b|\bwhich model\b|\byour name\b|\bare you (?:a|an)\b", ABOUT),
        (r"\bhelp\b|\bwhat (?:can|do) you\b|\bwhat else\b", HELP),
        (r"^\W*(?:hi|hello|hey|howdy|greetings|good (?:morning|afternoon|evening))\b", GREETING),
        (r"\b(?:thanks|thank you|cheers)\b", THANKS),
    )
]


def thought_about(message: str) -> str:
    """Return what the model thinks aloud first: only where it is asked to."""
    return THOUGHT if re.search(r"\b(?:think|reason)\b", message, re.IGNORECASE) else ""


def reply(message: str, *, missing: Sequence[str] = ()) -> str:
    """Answer a message without tools. `missing` names the tools that it asks for and this agent does not have."""
    if missing:
        names = ", ".join(f"`{name}`" for name in missing)
        return f"For that I would need {names}, which this agent does not have. Add it to the agent's tools.\n\n{NOTE}"
    for pattern, answer in TOPICS:
        match = pattern.search(message)
        if match:
            return f"{answer if isinstance(answer, str) else answer(match)}\n\n{NOTE}"
    return f"{UNKNOWN}\n\n{NOTE}"


def report(results: Sequence[tuple[ToolCall, str]], *, missing: Sequence[str] = ()) -> str:
    """Answer from calls and the content of their tool messages."""
    parts = [_told(call, content) for call, content in results]
    parts += [f"For the rest I would need `{name}`, which this agent does not have." for name in missing]
    if len(parts) > 1:
        parts = ["- " + part.replace("\n", "\n  ") for part in parts]
    return "\n".join(parts) + f"\n\n{NOTE}"


def _told(call: ToolCall, content: str) -> str:
    subject = ", ".join(str(value) for value in json.loads(call.arguments).values())
    if content.startswith("Error: "):
        return f"`{call.name}` failed for {subject!r}: {content.removeprefix('Error: ').rstrip('.')}."
    try:
        value = json.loads(content)
        return FORMATS[call.name](value)
    except (ValueError, KeyError, TypeError, AttributeError):
        return f"{call.name} ({subject}): {content}"


def _weather(value: Mapping[str, Any]) -> str:
    more = "".join(f", {name} {value[name]}" for name in ("wind", "humidity") if name in value)
    time = f" (local time {value['local_time']})" if "local_time" in value else ""
    return f"In **{value['city']}** it is **{value['temperature']}**, {value['conditions']}{more}{time}."


def _result(value: Mapping[str, Any]) -> str:
    return f"`{value['expression']}` = **{value['result']}**"


def _time(value: Mapping[str, Any]) -> str:
    when = f"{value['weekday']}, {value['date']}"
    return f"In **{value['timezone']}** it is **{value['time']}** on {when} (UTC{value['utc_offset']})."


def _stock(value: Mapping[str, Any]) -> str:
    name = f"{value['name']} ({value['symbol']})" if "name" in value else value["symbol"]
    more = "".join(f", {value[field]}" for field in ("change", "exchange", "as_of") if field in value)
    return f"**{name}** is at **{value['price']}**{more}."


def _search(value: Mapping[str, Any]) -> str:
    lines = [f"- [{hit['title']}]({hit['url']}): {hit['snippet']}" for hit in value["results"]]
    heading = f"{value.get('source', 'The web')} on *{value['query']}*"
    return "\n".join([f"{heading}:", *lines]) if lines else f"{heading}: nothing was found."


FORMATS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "get_weather": _weather,
    "calculate": _result,
    "get_time": _time,
    "get_stock_price": _stock,
    "search_web": _search,
}
