"""What is shown while work goes on: bars on a terminal; of a run a line now and then elsewhere."""

import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from storage.list_files import Progress as ListProgress
from storage.list_files import Step
from storage.plate_events import EventCounts
from storage.sessions import Session

LINE_S = 5.0


class Progress:
    """`show` it the sessions now and then."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bars = _bars(console)
        self._tasks: dict[int, TaskID] = {}
        self._last_line_s = time.monotonic()

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def show(self, sessions: Sequence[Session], counts: Mapping[int, EventCounts]) -> None:
        for session in sessions:
            told = _told(session, counts.get(session.id, EventCounts()))
            if session.id not in self._tasks:
                self._tasks[session.id] = self._bars.add_task(session.camera, total=session.expected_frames, told=told)
            self._bars.update(self._tasks[session.id], completed=_done(session), told=told)
        is_due = time.monotonic() - self._last_line_s >= LINE_S
        if not self._console.is_terminal and is_due and sessions:
            self._last_line_s = time.monotonic()
            for session in sessions:
                told = _told(session, counts.get(session.id, EventCounts()))
                self._console.print(f"{session.camera}: {told}", highlight=False)


@contextmanager
def list_progress(console: Console) -> Generator[ListProgress]:
    """What to tell of the import of a list: a terminal shows it as a bar."""
    with _bars(console) as bars:
        task = bars.add_task("checking", total=1.0, told="")

        def heard(step: Step) -> None:
            told = f"{step.rows}{'' if step.total is None else f'/{step.total}'} vignettes"
            bars.update(task, description=step.phase, completed=step.share, told=told)

        yield heard


def _bars(console: Console) -> Bars:
    return Bars(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[told]}"),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


def _done(session: Session) -> int:
    """Frames that are dealt with, sampled out ones included."""
    share = session.accounted / session.sampled if session.sampled else 0.0
    return round(session.offered * share)


def _told(session: Session, counts: EventCounts) -> str:
    of = f"/{session.expected_frames}" if session.expected_frames else ""
    told = f"{_done(session)}{of} frames, {counts.reads} reads, {counts.events} cars"
    lost = session.shed + session.shed_early + session.expired + session.failed
    return f"{told}, {lost} shed or lost" if lost else told
