"""Answers that several tests let the model give."""

WEATHER = """Here it is:

| Time | Temp | Rain |
|---|---|---|
| Morning | 10 °C | 80 % |
| Evening | 9 °C | 10 % |

```python
def answer() -> int:
    return 42  # a comment
```

1. one
2. two
   - [x] nested

See [the docs](https://example.com/docs) and **bold** text.
"""
CALL = {"call": "calculate", "arguments": {"expression": "15 + 27"}, "id": "call_a"}
FAILING = {"call": "calculate", "arguments": {"expression": "1 / 0"}, "id": "call_b", "index": 1}
