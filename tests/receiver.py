"""A real HTTP server on this host that is told of verdicts: slow, failing, redirecting, as a test wants it."""

import base64
import hmac
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SECRET = "a secret of the test, long enough"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A request as it came."""

    path: str
    headers: dict[str, str]  # names in small letters
    content: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def json(self) -> Any:
        return json.loads(self.content)

    def is_signed(self, secret: str = SECRET) -> bool:
        """As a receiver checks it."""
        signed = f"{self.headers['webhook-id']}.{self.headers['webhook-timestamp']}.".encode() + self.content
        wanted = "v1," + base64.b64encode(hmac.digest(secret.encode(), signed, "sha256")).decode()
        is_new = abs(time.time() - int(self.headers["webhook-timestamp"])) < 300
        return is_new and hmac.compare_digest(wanted, self.headers["webhook-signature"])


@dataclass
class Receiver:
    """What the server answers, and what it was told."""

    port: int = 0
    statuses: list[int] = field(default_factory=list)  # of the next answers; then 204
    slow_s: float = 0.0  # before an answer
    drip_s: float = 0.0  # between the bytes of an answer's head
    location: str = ""
    told: list[Told] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/verdicts?from=anpr"


@contextmanager
def receiving(tls: Any = None) -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            receiver.told.append(Told(path=self.path, headers=headers, content=content))
            time.sleep(receiver.slow_s)
            status = receiver.statuses.pop(0) if receiver.statuses else 204
            head = f"HTTP/1.1 {status} X\r\nContent-Length: 0\r\nLocation: {receiver.location}\r\n\r\n".encode()
            try:
                for byte in [bytes([one]) for one in head] if receiver.drip_s else [head]:
                    self.wfile.write(byte)
                    time.sleep(receiver.drip_s)
            except OSError:
                return  # the client has given up

        def log_message(self, format: str, *args: object) -> None:  # noqa: ARG002
            return

    with served(Handler, tls=tls) as receiver.port:
        yield receiver


@contextmanager
def served(handler: type[BaseHTTPRequestHandler], *, tls: Any = None) -> Iterator[int]:
    """A server on a port of this host, in threads of its own; yields the port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    server.block_on_close = False
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
        server.handle_error = lambda *_: None  # type: ignore[method-assign]  # a handshake that a client refused
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()
    thread.join()
