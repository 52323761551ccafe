"""`anpr model …`: data for the networks, their training, and what they are worth; needs the extra `train`."""

import typer

from cli.model import card, data, evaluate, export, slim, train
from cli.model.look_alikes import look_alikes_command
from cli.model.render import render

app = typer.Typer(help="Data for the networks, their training, and what they are worth.", no_args_is_help=True)
data.app.command("render")(render)
evaluate.app.command("look-alikes")(look_alikes_command)
app.add_typer(data.app, name="data")
app.add_typer(train.app, name="train")
app.add_typer(slim.app, name="slim")
app.add_typer(export.app, name="export")
app.add_typer(evaluate.app, name="evaluate")
app.add_typer(card.app, name="card")
