"""What runs inside the sandbox, started there as a script; nothing outside imports it."""
