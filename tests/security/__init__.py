"""Attacks on the product, each with what has to hold under it. How much of each: sizes.py; measured: figures.py."""
