"""What other programs and people see: an HTTP API and a dashboard; it reads storage and decides nothing."""
