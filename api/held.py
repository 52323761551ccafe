"""What the process of the API holds, and how its routes come to it."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, cast

from fastapi import Depends, Request
from redis import Redis

from anpr import metrics
from anpr.config import Settings
from api.limits import Budgets
from api.live import Live
from api.reading import Networks
from storage.db import Conn, Database
from storage.keys import Principal
from workers.measures import Measures

STATEMENT_MS = 15_000  # a search that takes longer is given up: nobody waits for it


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Settings, connections and networks of one process."""

    settings: Settings
    database: Database
    redis: Redis | None  # None: nobody said where it is; only rates and previews of cameras and the metrics want it
    networks: Networks
    live: Live
    requests: Budgets  # by key
    tries: Budgets  # by address
    measures: Measures

    @property
    def evidence_dir(self) -> Path:
        return Path(self.settings.evidence_dir)

    def gauges(self) -> dict[str, float]:
        """What is under way here now, by the names of its metrics."""
        return {metrics.LIVE_WATCHERS.name: self.live.watchers, metrics.PICTURES.name: self.networks.waiting}

    @contextmanager
    def reading(self) -> Generator[Conn]:
        """A transaction that only reads, and not for long. Raises Unavailable."""
        with self.database.transaction() as conn:
            conn.execute("select set_config('statement_timeout', %(ms)s, true)", {"ms": str(STATEMENT_MS)})
            conn.execute("set transaction read only")
            yield conn


def _held(request: Request) -> Held:
    return cast(Held, request.app.state.held)


def _who(request: Request) -> Principal:
    return cast(Principal, request.scope["anpr.who"])


HeldHere = Annotated[Held, Depends(_held)]
Who = Annotated[Principal, Depends(_who)]
