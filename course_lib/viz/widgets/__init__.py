"""Widgets, which a reader can move: one file for each, and one of JavaScript beside it where it needs any."""
