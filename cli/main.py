"""The `anpr` command."""

import sys
from importlib import import_module

import typer

from anpr import log
from anpr.errors import AnprError, Retryable
from cli.supervise import install_parent_watch

# In the order of --help: what runs, then what asks, then what sets up.
_COMMANDS = {
    "run": "cli.run",
    "demo": "cli.demo.command",
    "ingest": "cli.ingest",
    "worker": "cli.worker",
    "top": "cli.top",
    "events": "cli.events",
    "check": "cli.check",
    "explain": "cli.explain",
    "correct": "cli.correct",
    "cases": "cli.cases",
    "read": "cli.read",
    "serve": "cli.serve",
    "purge": "cli.purge",
    "doctor": "cli.doctor",
}
_GROUPS = {
    "db": "cli.db",
    "vignettes": "cli.vignettes",
    "review": "cli.review",
    "watch": "cli.watch",
    "webhooks": "cli.webhooks",
    "keys": "cli.keys",
    "config": "cli.config_check",
    "model": "cli.model",
}


def build(only: str | None = None) -> typer.Typer:
    """The whole command line; or `only` one command of it, without the second that loading the others takes."""
    app = typer.Typer(
        name="anpr",
        help="Reads number plates from camera streams and says for every car whether its vignette was paid.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode="markdown",
    )
    app.callback()(_options)
    for name, module in _COMMANDS.items():
        if only in (None, name):
            app.command(name)(getattr(import_module(module), name))
    for name, module in _GROUPS.items():
        if only in (None, name):
            app.add_typer(import_module(module).app, name=name)
    return app


def _options(
    log_level: str = typer.Option("info", envvar="ANPR_LOG_LEVEL", help="debug, info, warning or error"),
    log_json: bool | None = typer.Option(None, help="JSON log lines; default: unless stderr is a terminal"),
) -> None:
    if log_level.lower() not in ("debug", "info", "warning", "error"):
        raise typer.BadParameter(f"{log_level!r} is not one of debug, info, warning, error", param_hint="--log-level")
    log.set_up(level=log_level, json=log_json)


def main() -> None:
    """Run the command line; a failure that we can explain is one line and an exit status, never a traceback.

    Exit status 2: something given is wrong. 1: something outside is away or failed.
    """
    install_parent_watch()
    first = sys.argv[1] if len(sys.argv) > 1 else None
    try:
        build(first if first in _COMMANDS or first in _GROUPS else None)()
    except AnprError as exc:
        print(f"anpr: {exc}", file=sys.stderr)
        sys.exit(1 if isinstance(exc, Retryable) else 2)


if __name__ == "__main__":
    main()
