"""Frames → plates → events → verdicts. One file a stage; each stage is an RQ queue with its own workers."""
