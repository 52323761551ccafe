# pyright: reportUnknownMemberType=false
# because redis-py is typed in part only
"""Traces of what happens to a frame, from ingest to the verdict on the car that it shows.

They are off unless the environment asks for them as OpenTelemetry has it; until then a span is an object that does
nothing. The context of a frame (W3C Trace Context) lies where the frame lies: in its entry of the stream, then under a
key of its own while its plates are read, then under that of the event. So jobs carry the same arguments with and
without traces, and one that was lost and asked for again goes on with its trace.
"""

import logging
from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Self, cast

from redis import Redis
from redis.exceptions import RedisError

from anpr import log

if TYPE_CHECKING:
    from workers.otlp import Otlp

_log = log.get(__name__)
KEPT_S = 3600  # what waits for longer loses its trace; a car that stays for longer gets another
ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
EXPORTER = "OTEL_TRACES_EXPORTER"
HTTP = "http/protobuf"
Fact = str | int | float
_sent_to: list["Otlp"] = []  # where this process sends spans; empty: nowhere


class Span:
    """Something that is done while a `with` block runs. This one is not traced: it does nothing."""

    @property
    def context(self) -> str:
        """What others need to go on from here; "" where this is not traced."""
        return ""

    def note(self, **facts: Fact) -> None:
        """Tell more of it: counts and names, never a plate."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """It ends, with an error where the block raised one."""


_NOTHING = Span()


def begin(stage: str, **facts: Fact) -> Span:
    """The first span of a trace, if the sampler wants one."""
    return _sent_to[0].span(stage, "", (), facts) if _sent_to else _NOTHING


def follow(stage: str, context: str, *, links: Sequence[str] = (), **facts: Fact) -> Span:
    """A span that follows another, linked to more of them; nothing where there is no context."""
    return _sent_to[0].span(stage, context, links, facts) if _sent_to and context else _NOTHING


def frame_key(session_id: int, frame_no: int) -> str:
    """Where the context of a frame is kept once its plates wait to be read."""
    return f"anpr:trace:frame:{session_id}:{frame_no}"


def event_key(event_id: int) -> str:
    """Where the context of an event is kept."""
    return f"anpr:trace:event:{event_id}"


def keep(redis: Redis, key: str, context: str, *, nx: bool = False) -> None:
    """Keep a context for the next stage; `nx`: unless one is kept there. Without Redis it is lost, and nothing else."""
    if context:
        with suppress(RedisError):
            redis.set(key, context, ex=KEPT_S, nx=nx)


def kept(redis: Redis, keys: Sequence[str]) -> list[str]:
    """The contexts that are kept under these keys, in their order."""
    if not _sent_to or not keys:
        return []
    try:
        found = cast("list[bytes | None]", redis.mget(keys))
    except RedisError:
        return []
    return [context.decode() for context in found if context is not None]


def join(redis: Redis, stage: str, keys: Sequence[str], **facts: Fact) -> Span:
    """A span that follows the first context that is kept under these keys, linked to the others."""
    first, *others = kept(redis, keys) or [""]
    return follow(stage, first, links=others, **facts)


@contextmanager
def over_frames(redis: Redis, stage: str, session_id: int, plates: Mapping[int, int]) -> Generator[None]:
    """A span in the trace of each of these frames (number: how many of its plates) while the block runs."""
    if not _sent_to:
        yield
        return
    with ExitStack() as spans:
        for frame_no, count in plates.items():
            key = frame_key(session_id, frame_no)
            for context in kept(redis, [key]):
                span = follow(stage, context, session=session_id, frame=frame_no, plates=count)
                keep(redis, key, spans.enter_context(span).context)
        yield


@contextmanager
def sent(role: str, environ: Mapping[str, str]) -> Generator[None]:
    """Send spans while the block runs, if the environment asks for it; what is left at the end has a second to go.

    Where it cannot be done, one warning says why, and all else goes on: these variables are not for anpr alone.
    """
    if is_asked_for(environ):
        try:
            _sent_to[:] = [_opened(role, environ)]
        except ValueError as exc:
            _log.warning("traces.not_sent", why=str(exc))
    try:
        yield
    finally:
        while _sent_to:
            _sent_to.pop().close()


def is_asked_for(environ: Mapping[str, str]) -> bool:
    """Whether the environment names an exporter or where to send traces, and does not switch them off."""
    exporter = environ.get(EXPORTER, "").strip().lower()
    if exporter == "none" or environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    return bool(exporter or any(environ.get(name) for name in ENDPOINTS))


def _opened(role: str, environ: Mapping[str, str]) -> "Otlp":
    """Raises ValueError with what is in the way."""
    exporter = environ.get(EXPORTER, "").strip().lower() or "otlp"
    if exporter != "otlp":
        raise ValueError(f"{EXPORTER} is {exporter!r}: only otlp and none are known here")
    protocol = next((name for name in PROTOCOLS if environ.get(name)), None)
    if protocol is not None and environ[protocol] != HTTP:
        raise ValueError(f"{protocol} is {environ[protocol]!r}: only {HTTP} is known here")
    try:
        from workers.otlp import Otlp  # noqa: PLC0415 (optional, and takes half a second)
    except ImportError as exc:
        raise ValueError("the extra is not installed: `pip install '.[traces]'`") from exc
    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)  # it tells each attempt; we tell when that changes
    return Otlp(role)
