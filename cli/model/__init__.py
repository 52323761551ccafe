"""`anpr model …`: data for the networks, and what they are worth on it; needs the extra `train`."""

import typer

from cli.model import data, evaluate
from cli.model.render import render

app = typer.Typer(help="Data for the networks, and what they are worth on it.", no_args_is_help=True)
data.app.command("render")(render)
app.add_typer(data.app, name="data")
app.add_typer(evaluate.app, name="evaluate")
