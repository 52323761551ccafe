"""One HTTP POST, to where it may go: to no private address by accident, with no redirect, no proxy, one time limit."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from http.client import HTTPConnection, HTTPException
from queue import Empty, SimpleQueue
from urllib.parse import urlsplit

from anpr.addresses import is_public
from anpr.errors import Retryable

LONGEST = 256 << 10  # bytes that are sent
LONGEST_ANSWER = 64 << 10  # bytes that are read of an answer, of which only the status counts
BUSY = (408, 425, 429)
Resolve = Callable[[str, int], Sequence[str]]


class Undelivered(Retryable):
    """A delivery that was not made; `is_away`: its server, not this one delivery, seems to be the reason."""

    def __init__(self, why: str, *, is_away: bool) -> None:
        super().__init__(why)
        self.is_away = is_away


def addresses_of(host: str, port: int) -> Sequence[str]:
    """The addresses of a host, best first. Raises OSError."""
    return list(dict.fromkeys(str(one[4][0]) for one in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))


def post(
    url: str,
    content: bytes,
    headers: Mapping[str, str],
    *,
    timeout_s: float,
    allow_private: bool,
    resolve: Resolve = addresses_of,
    tls: ssl.SSLContext | None = None,
) -> None:
    """Post `content`; returns when a status 2xx says that it has arrived, after `timeout_s` at the latest.

    The name is looked up once and the connection is to an address that was found, so nobody can give another one in
    between. Raises Undelivered with what happened, in words that hold nothing of what was sent.
    """
    if len(content) > LONGEST:
        raise Undelivered(f"has {len(content)} bytes; the most that is sent is {LONGEST}", is_away=False)
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    ends_s = time.monotonic() + timeout_s
    connection = HTTPConnection(host, port)
    cut: threading.Timer | None = None
    was_cut = threading.Event()
    try:
        address = _permitted(host, _looked_up(resolve, host, port, timeout_s), allow_private=allow_private)
        plain = socket.create_connection((address, port), timeout=max(ends_s - time.monotonic(), 0.001))
        cut = threading.Timer(ends_s - time.monotonic(), _cut, (plain, was_cut))
        cut.start()
        connection.sock = plain
        if parts.scheme == "https":
            context = tls or ssl.create_default_context()
            connection.sock = context.wrap_socket(plain, server_hostname=host)
        path = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
        connection.request("POST", path, body=content, headers=dict(headers))
        response = connection.getresponse()
        status = response.status
        response.read(LONGEST_ANSWER)
    except (OSError, HTTPException) as exc:
        why = "does not answer in time" if was_cut.is_set() else _why(exc)
        raise Undelivered(why, is_away=True) from exc
    finally:
        if cut is not None:
            cut.cancel()
        connection.close()
    _check(status)


def _looked_up(resolve: Resolve, host: str, port: int, timeout_s: float) -> Sequence[str]:
    """What `resolve` finds, in a thread of its own: where no name server answers it takes longer than a job may."""
    found: SimpleQueue[Sequence[str] | OSError] = SimpleQueue()

    def look_up() -> None:
        try:
            found.put(resolve(host, port))
        except OSError as exc:
            found.put(exc)

    threading.Thread(target=look_up, name="look-up", daemon=True).start()
    try:
        result = found.get(timeout=timeout_s)
    except Empty:
        raise Undelivered(f"the address of {host} is not found in time", is_away=True) from None
    if isinstance(result, OSError):
        raise result
    return result


def _check(status: int) -> None:
    if 300 <= status < 400:
        raise Undelivered(f"answers with status {status}: a redirect is not followed", is_away=False)
    if not 200 <= status < 300:
        raise Undelivered(f"answers with status {status}", is_away=status >= 500 or status in BUSY)


def _permitted(host: str, addresses: Sequence[str], *, allow_private: bool) -> str:
    """The first address that may be connected to."""
    found = next((one for one in addresses if allow_private or is_public(one)), None)
    if found is None:
        where = f"{host} is {addresses[0]}, a private address" if addresses else f"{host} has no address"
        raise Undelivered(f"{where}: `allow_private` permits it" if addresses else where, is_away=True)
    return found


def _cut(plain: socket.socket, was_cut: threading.Event) -> None:
    """End a connection whatever it does: each byte of a slow answer would begin the socket's own time limit anew."""
    was_cut.set()
    try:
        plain.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # it has ended by itself


def _why(exc: OSError | HTTPException) -> str:
    if isinstance(exc, TimeoutError):
        return "does not answer in time"
    if isinstance(exc, ssl.SSLCertVerificationError):
        return f"its certificate is not accepted: {exc.verify_message}"
    reason = exc.strerror if isinstance(exc, OSError) and exc.strerror else type(exc).__name__
    return f"does not answer: {reason}"
