"""The vocabulary of the system: pure, no I/O, imports nothing of ours."""
