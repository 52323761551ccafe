"""`anpr db …`: the database itself."""

import typer

from cli import settings
from cli.settings import ConfigOption
from storage import migrate
from storage.db import Database

app = typer.Typer(help="The database itself.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """The database itself."""


@app.command("migrate")
def migrate_command(config: ConfigOption = None) -> None:
    """Bring the database up to date. Safe to run at every start, and from several hosts at once."""
    database = Database(settings.with_servers(settings.load(config), redis=False).database_url)
    with database.transaction() as conn:
        done = migrate.migrate(conn)
    database.close()
    print("\n".join(f"applied {name}" for name in done) or "nothing to do")
