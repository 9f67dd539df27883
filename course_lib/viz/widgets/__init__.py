"""What a reader can move: one file for each widget, and one of JavaScript beside it where it needs any."""
