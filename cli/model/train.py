"""`anpr model train`: the networks, from data to weights; needs the extra `train`."""

import typer

from cli.model.train_reader import reader

app = typer.Typer(help="Train the networks.", no_args_is_help=True, pretty_exceptions_enable=False)
app.command("reader")(reader)
