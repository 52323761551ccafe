"""Synthetic plates: what they say, how they look, what a camera makes of them."""
