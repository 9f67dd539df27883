"""What runs inside the sandbox, or where there is none, started as a script; nothing outside imports it."""
