"""Commands of `anpr` run inside the tests."""

from collections.abc import Callable
from dataclasses import dataclass

import typer
from typer.testing import CliRunner

from anpr.errors import AnprError


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What a command did; `error` is the failure that `main` would tell in one line."""

    status: int
    out: str
    err: str
    error: AnprError | None


def run(command: typer.Typer | Callable[..., None], *args: object, **env: str) -> Ran:
    """Run a command or group with these words and variables of the environment; unexpected failures are raised."""
    app = command
    if not isinstance(app, typer.Typer):
        app = typer.Typer(pretty_exceptions_enable=False)
        app.command()(command)
    plain = {"DATABASE_URL": "", "REDIS_URL": "", "ANPR_CONFIG": None, "COLUMNS": "200", "TERM": "dumb"}
    result = CliRunner().invoke(app, [str(arg) for arg in args], env=plain | env)
    failure = result.exception
    if failure is not None and not isinstance(failure, AnprError | SystemExit):
        raise failure
    error = failure if isinstance(failure, AnprError) else None
    return Ran(status=result.exit_code, out=result.stdout, err=result.stderr, error=error)
