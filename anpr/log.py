"""structlog to stderr: for people on a terminal, JSON off it."""

import logging
import sys

import structlog


def set_up(*, level: str = "info", json: bool | None = None) -> None:
    """Route this process's logging to stderr at `level`; JSON lines unless stderr is a terminal (or `json` says)."""
    as_json = not sys.stderr.isatty() if json is None else json
    number = logging.getLevelNamesMapping()[level.upper()]
    renderer = (
        structlog.processors.JSONRenderer()
        if as_json
        else structlog.dev.ConsoleRenderer(
            pad_event_to=24,
            exception_formatter=structlog.dev.plain_traceback,  # the rich one prints variables, passwords among them
        )
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso" if as_json else "%H:%M:%S", utc=as_json),
            structlog.processors.format_exc_info if as_json else _keep,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    others = max(number, logging.WARNING)
    logging.basicConfig(stream=sys.stderr, level=others, format="%(name)s: %(message)s", force=True)


def _keep(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    return event


def get(name: str) -> structlog.stdlib.BoundLogger:
    """The logger of one module: `log = get(__name__)`, then `log.info("plate.read", camera=c, took_ms=t)`."""
    return structlog.get_logger(module=name)
