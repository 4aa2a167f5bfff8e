"""What the demo model understands of a message: which tools it asks for, with which arguments. Table-driven."""

import re
from collections.abc import Callable
from dataclasses import dataclass

MAX_CALLS = 8
STARTER = (
    r"(?:what|how|who|when|where|tell|show|calculate|compute|evaluate|search|google|look|find|get|give|check|is it"
    r"|(?:the\s+)?(?:current\s+)?(?:weather|time|stock|share|price|forecast|temperature)|sqrt|[-(]?\d"
    r"|\$?[\w.^-]+(?:'s|’s)?\s+(?:stock|share))"
)
BOUNDARY = re.compile(
    rf"[?;\n!]+|\.\s+|,?\s+(?:and|then|also)\s+(?:(?:then|also)\s+)?(?={STARTER})|,\s*(?={STARTER})", re.I
)
FUNCTIONS = r"sqrt|sin|cos|tan|log10|log|exp|abs|round|min|max|floor|ceil|factorial|pi|tau"
EXPRESSION = rf"(?:(?:{FUNCTIONS})\b|[\d.+\-*/^%×÷()]|,\s|\s)+"
OPERATION = re.compile(rf"\d[\d.)\s]*[+\-*/^%×÷]|(?:{FUNCTIONS})\s*\(")
LIST_ITEM = re.compile(r",?\s+and\s+|,\s*", re.I)
AND = re.compile(r"\s+and\s+", re.I)
COURTESY = re.compile(
    r"\b(?:please|right now|now|today|currently|at the moment|for me|like|exactly|thanks|thank you)\b|[\s.,:=]+$", re.I
)
SPOKEN_MATH = [
    (r"(\d+)!", r"factorial(\1)"),
    (r"\b(?:the )?square root of (\d[\d.]*)", r"sqrt(\1)"),
    (r"\b(?:the )?(?:sum of|add) (\d[\d.]*) (?:and|to) (\d[\d.]*)", r"\1 + \2"),
    (r"(\d) ?(?:percent|%) of (?=\d)", r"\1 / 100 * "),
    (r"(?<=\d) plus (?=\d)", " + "),
    (r"(?<=\d) minus (?=\d)", " - "),
    (r"(?<=\d) (?:times|multiplied by|x) (?=\d)", " * "),
    (r"(?<=\d) (?:divided by|over) (?=\d)", " / "),
    (r"(?<=\d) (?:to the power of) (?=\d)", " ^ "),
    (r"(?<=\d) squared\b", "^2"),
]
COMPANIES = {
    "apple": "AAPL", "microsoft": "MSFT", "google": "GOOGL", "alphabet": "GOOGL", "amazon": "AMZN", "tesla": "TSLA",
    "nvidia": "NVDA", "meta": "META", "facebook": "META", "netflix": "NFLX", "intel": "INTC", "ibm": "IBM",
}  # fmt: skip
NO_COMPANIES = frozenset(
    {"a", "any", "in", "is", "it", "my", "of", "our", "some", "that", "the", "their", "this", "what"}
)


@dataclass(frozen=True, slots=True)
class Wish:
    """A call that a message asks for."""

    tool: str
    parameter: str
    argument: str


def _place(text: str) -> str:
    return re.sub(r"^(?:the )?city of ", "", text, flags=re.I)


def _symbol(text: str) -> str:
    """A ticker or the name of a company; anything else is no stock."""
    word = re.sub(r"(?:'s)?(?:\s+(?:stocks?|shares?|inc|corp))*$", "", text.strip("$ "), flags=re.I)
    if word.lower() in NO_COMPANIES or not re.fullmatch(r"[A-Za-z^][A-Za-z0-9.^=-]{0,9}", word):
        return ""
    return COMPANIES.get(word.lower(), word.upper())


def _expression(text: str) -> str:
    return text if re.search(rf"\d|{FUNCTIONS}", text) else ""


@dataclass(frozen=True, slots=True)
class Rule:
    """A pattern whose group is the argument. `lists`: "Rome and Oslo" are two arguments."""

    tool: str
    parameter: str
    pattern: re.Pattern[str]
    clean: Callable[[str], str] = str
    lists: bool = True


def _rule(tool: str, parameter: str, pattern: str, clean: Callable[[str], str] = str, *, lists: bool = True) -> Rule:
    return Rule(tool, parameter, re.compile(pattern, re.I), clean, lists)


RULES = [
    _rule(
        "calculate", "expression", r"\b(?:calculate|compute|evaluate|solve|work out)\s+(.+)", _expression, lists=False
    ),
    _rule(
        "calculate", "expression", rf"(?:what(?:'s|’s| is)|how much is|^)\s*({EXPRESSION})$", _expression, lists=False
    ),
    _rule("get_stock_price", "symbol", r"\b(?:stock|share)s?\s*(?:price|quote|value)?s?\s+(?:of|for)\s+(.+)", _symbol),
    _rule("get_stock_price", "symbol", r"(\$?[\w.^-]+?)(?:'s|’s)?\s+(?:stock|share)s?\b", _symbol),
    _rule(
        "get_stock_price",
        "symbol",
        r"\b(?:price|quote)\s+(?:of|for)\s+(\$?(?-i:[A-Z]{1,5})|apple|tesla|nvidia)$",
        _symbol,
    ),
    _rule("get_time", "timezone", r"\btime\b.*?\b(?:in|for|at)\s+(.+)", _place),
    _rule("get_time", "timezone", r"\bwhat time is it()$|\bwhat(?:'s|’s| is) the (?:current )?time()$"),
    _rule(
        "get_weather", "city", r"\b(?:weather|forecast|temperature|hot|cold|warm)\b.*?\b(?:in|for|at|of)\s+(.+)", _place
    ),
    _rule("get_weather", "city", r"\b(?:rain|snow|sunn)\w*\s+in\s+(.+)", _place),
    _rule("get_weather", "city", r"^weather\s+(?!in\b)(.+)", _place),
    _rule(
        "get_weather", "city", r"(?:^|the )((?-i:[A-Z])[\w.-]+(?: (?-i:[A-Z])[\w.-]+)*?)(?:'s|’s)? weather\b", _place
    ),
    _rule(
        "search_web",
        "query",
        r"\b(?:search|google|look up|look for)(?: (?:the web|the internet|online|wikipedia))?(?: (?:for|about))? (.+)",
        lists=False,
    ),
    _rule("search_web", "query", r"^(?:find|tell me|news)\s+(?:.*\s)?about\s+(?!you\b|yourself)(.+)", lists=False),
    _rule("search_web", "query", r"^((?:who|where|when)\s+(?:is|was|are|were|did|does)\s+(?!you\b).+)", lists=False),
]


def wishes(message: str) -> list[Wish]:
    """Return the calls that a message asks for, in its order, each once."""
    for pattern, replacement in SPOKEN_MATH:
        message = re.sub(pattern, replacement, message, flags=re.I)
    found = [wish for clause in BOUNDARY.split(message) for wish in _wishes_of(COURTESY.sub("", clause).strip())]
    return list(dict.fromkeys(found))[:MAX_CALLS]


def _wishes_of(clause: str) -> list[Wish]:
    for rule in RULES:
        match = rule.pattern.search(clause)
        if not match:
            continue
        argument = next((group for group in match.groups() if group), "").strip()
        if rule.tool == "calculate" and "what" in clause.lower() and not OPERATION.search(argument):
            continue  # "what is 2024" asks for no arithmetic
        arguments = [rule.clean(item.strip()) for item in (_items(argument) if rule.lists else [argument])]
        if rule.tool == "get_time":
            arguments = [item or "UTC" for item in arguments]
        if arguments and all(arguments):
            return [Wish(rule.tool, rule.parameter, item) for item in arguments]
    return []


def _items(text: str) -> list[str]:
    """Split "Rome, Oslo and Bern"; a lone comma belongs to the name: "Paris, France"."""
    items = LIST_ITEM.split(text) if "," in text and AND.search(text) else AND.split(text)
    return [item for item in items if item] or [text]
