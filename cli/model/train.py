"""`anpr model train`: the networks, from data to weights; needs the extra `train`."""

import typer

from cli.model.train_characters import characters
from cli.model.train_detector import detector
from cli.model.train_reader import reader

app = typer.Typer(
    help="Train the networks.", no_args_is_help=True, rich_markup_mode="markdown", pretty_exceptions_enable=False
)
app.command("detector")(detector)
app.command("reader")(reader)
app.command("characters")(characters)
