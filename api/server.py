"""The process around the API: a socket, uvicorn, and a stop that lets requests end."""

import errno
import signal
import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI

from anpr import log
from anpr.errors import BadInput
from api.held import Held

GRACE_S = 5  # for requests under way; then they are cut

_log = log.get(__name__)


class Server(uvicorn.Server):
    """Sends those who watch live away before it waits for requests to end, and does not raise signals again."""

    def __init__(self, config: uvicorn.Config, held: Held) -> None:
        super().__init__(config)
        self._held = held

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._held.live.close()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {one: signal.signal(one, self.handle_exit) for one in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for one, handler in before.items():
                signal.signal(one, handler)


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens. Raises BadInput where the address is taken, not ours, or none."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError as exc:
        raise BadInput(f"api.host: {host!r} is no address to listen on: {exc.strerror}") from exc
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(128)
    except OSError as exc:
        listener.close()
        if exc.errno == errno.EADDRINUSE:
            raise BadInput(f"port {port} of {host} is in use: choose another with --port") from exc
        raise BadInput(f"cannot listen on port {port} of {host}: {exc.strerror}") from exc
    return listener


def server(app: FastAPI, held: Held) -> Server:
    """A server for one listening socket: `serve` it."""
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,  # addresses of searches hold plates
        log_level="warning",
        lifespan="on",
        ws="none",
        server_header=False,
        proxy_headers=bool(held.settings.api.proxies),
        forwarded_allow_ips=list(held.settings.api.proxies),
        timeout_graceful_shutdown=GRACE_S,
    )
    return Server(config, held)


def serve(app: FastAPI, held: Held, listener: socket.socket) -> None:
    """Answer until SIGTERM or SIGINT; requests under way are finished first."""
    host, port = listener.getsockname()[:2]
    _log.info("api.serves", host=host, port=port)
    server(app, held).run(sockets=[listener])
    _log.info("api.stopped")
