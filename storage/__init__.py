"""Postgres and the evidence directory. SQL as SQL; `conn` comes first and the caller owns the transaction."""
