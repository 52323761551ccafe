"""The `anpr` command."""

import sys

import typer

from anpr import log
from anpr.errors import AnprError, Retryable
from cli import check, config_check, db, doctor, events, ingest, model, read, run, vignettes, worker
from cli.demo import command as demo
from cli.supervise import install_parent_watch

app = typer.Typer(
    name="anpr",
    help="Reads number plates from camera streams and says for every car whether its vignette was paid.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)


@app.callback()
def _options(
    log_level: str = typer.Option("info", envvar="ANPR_LOG_LEVEL", help="debug, info, warning or error"),
    log_json: bool | None = typer.Option(None, help="JSON log lines; default: unless stderr is a terminal"),
) -> None:
    if log_level.lower() not in ("debug", "info", "warning", "error"):
        raise typer.BadParameter(f"{log_level!r} is not one of debug, info, warning, error", param_hint="--log-level")
    log.set_up(level=log_level, json=log_json)


app.command("run")(run.run)
app.command("demo")(demo.demo)
app.command("ingest")(ingest.ingest)
app.command("worker")(worker.worker)
app.command("events")(events.events)
app.command("check")(check.check)
app.command("read")(read.read)
app.command("doctor")(doctor.doctor)
app.add_typer(db.app, name="db")
app.add_typer(vignettes.app, name="vignettes")
app.add_typer(config_check.app, name="config")
app.add_typer(model.app, name="model")


def main() -> None:
    """Run the command line; a failure that we can explain is one line and an exit status, never a traceback.

    Exit status 2: something given is wrong. 1: something outside is away or failed.
    """
    install_parent_watch()
    try:
        app()
    except AnprError as exc:
        print(f"anpr: {exc}", file=sys.stderr)
        sys.exit(1 if isinstance(exc, Retryable) else 2)


if __name__ == "__main__":
    main()
