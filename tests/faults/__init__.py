"""The promises of docs/guarantees.md: each test breaks what its promise has to survive. How much: sizes.py."""
