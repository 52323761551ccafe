"""Long work in a thread that tells how far it is, as server-sent events (HTML standard, section 9.2)."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from dataclasses import asdict

from fastapi import Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from api import problems
from storage.list_files import Progress, Step

EVENT_STREAM = "text/event-stream"
EVERY_S = 0.25  # between two events: a bar moves smoothly, and no proxy finds the line silent
_under_way: set[asyncio.Task[BaseModel]] = set()  # a loop alone would let go of them


class Abandoned(Exception):
    """Nobody waits for the work any more."""


def is_wanted(request: Request) -> bool:
    """Whether a stream of events is what the Accept header names first."""
    return request.headers.get("accept", "").partition(",")[0].partition(";")[0].strip().lower() == EVENT_STREAM


async def streamed(work: Callable[[Progress], BaseModel]) -> StreamingResponse:
    """An answer of events: `progress` now and then, at the end `done` with what `work` returned, or `problem`.

    `work` goes on in a thread of its own. Where who asked goes away, its next word about its progress raises Abandoned.
    """
    events = _events(work)
    await anext(events)  # what has begun is closed even where nobody takes the answer any more
    return StreamingResponse(events, media_type=EVENT_STREAM)


async def _events(work: Callable[[Progress], BaseModel]) -> AsyncGenerator[str]:
    newest: Step | None = None
    is_over = False

    def heard(step: Step) -> None:
        nonlocal newest
        if is_over:
            raise Abandoned
        newest = step

    task = asyncio.create_task(run_in_threadpool(work, heard))
    _under_way.add(task)
    task.add_done_callback(_forget)
    try:
        yield ""
        while not task.done():
            await asyncio.wait({task}, timeout=EVERY_S)
            if newest is not None and not task.done():
                yield _event("progress", json.dumps(asdict(newest) | {"share": round(newest.share, 4)}))
        yield _ending(task)
    finally:
        is_over = True


def _ending(task: asyncio.Task[BaseModel]) -> str:
    try:
        return _event("done", task.result().model_dump_json())
    except Exception as exc:  # noqa: BLE001 (the answer has begun, so that nobody else can tell it)
        return _event("problem", bytes(problems.of(exc).body).decode())


def _event(name: str, data: str) -> str:
    return f"event: {name}\ndata: {data}\n\n"


def _forget(task: asyncio.Task[BaseModel]) -> None:
    _under_way.discard(task)
    if not task.cancelled():
        task.exception()  # asyncio complains where nobody has asked for it
