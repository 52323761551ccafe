# pyright: reportUnknownMemberType=false
# because redis-py is typed in part only
"""`/metrics` over HTTP: of the processes on a host that share a port, one serves all metrics, and any can follow it."""

import time
from wsgiref.simple_server import WSGIServer

from prometheus_client import start_http_server
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from anpr import log
from anpr.config import Settings
from anpr.metrics import CLIENT
from storage.db import Database
from workers.exposition import registry

_log = log.get(__name__)
AGAIN_S = 5.0  # between attempts to follow a process that has served
ANSWER_S = 2.0  # Prometheus gives up a scrape after 10 s


class Endpoint:
    """Serves on `metrics.host` and `metrics.port` from a thread once `keep` finds the port free; nothing at port 0."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._due_s = 0.0
        self._was_taken = False
        self._server: WSGIServer | None = None
        self._database: Database | None = None

    def keep(self) -> None:
        """To be called now and then: take the port if it is free."""
        chosen, now_s = self._settings.metrics, time.monotonic()
        if not chosen.port or self._server is not None or now_s < self._due_s:
            return
        self._due_s = now_s + AGAIN_S
        database = Database(self._settings.database_url, max_connections=2)
        try:
            self._server, _ = start_http_server(chosen.port, chosen.host, registry=registry(database, self._redis()))
        except OSError as exc:
            if not self._was_taken:
                _log.info("metrics.not_served_here", host=chosen.host, port=chosen.port, why=exc.strerror or str(exc))
            self._was_taken = True
            return
        self._database = database
        _log.info("metrics.served", host=chosen.host, port=chosen.port)

    def close(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
        if self._database is not None:
            self._database.close()

    def _redis(self) -> Redis:
        return Redis.from_url(
            self._settings.redis_url,
            socket_timeout=ANSWER_S,
            socket_connect_timeout=ANSWER_S,
            retry=Retry(NoBackoff(), 1),
            client_name=CLIENT,
        )
