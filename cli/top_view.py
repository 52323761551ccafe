"""What `anpr top` shows."""

from rich import box
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from anpr.health import WELL, CameraCondition
from anpr.types import VerdictStatus
from workers.state import CameraState, PostgresState, RedisState, State

_STYLES: dict[CameraCondition, str] = {
    "running": "green",
    "behind": "yellow",
    "silent": "bold red",
    "gone": "bold red",
    "finishing": "cyan",
    "ended": "dim",
}
_DAY_S = 86400
LEAST_WIDTH = 8
NOBODY = "Nothing ingests and no worker runs on these servers: start `anpr run`, or `anpr ingest` and `anpr worker`."


def view(state: State) -> RenderableType:
    """The whole of it, as wide as the terminal; what matters first where that is not high enough."""
    parts: list[RenderableType] = [_head(state)]
    parts += [Text(failure, style="bold red") for failure in state.failures]
    if state.redis is not None and all(one.role == "serve" for one in state.redis.processes):
        parts.append(Text(NOBODY, style="yellow"))
    if state.postgres is not None:
        parts += [_cameras(state.postgres), _verdicts(state.postgres)]
    if state.redis is not None:
        parts += [_queues(state.redis), _processes(state.redis)]
    return Group(*parts)


def _head(state: State) -> Text:
    told = [f"anpr, {state.at.astimezone():%Y-%m-%d %H:%M:%S %Z}"]
    if state.redis is not None:
        limit = state.redis.memory_limit_bytes
        of = f" of {_bytes(limit)}" if limit else ""
        told.append(f"Redis {_bytes(state.redis.memory_bytes)}{of}")
    if state.postgres is not None:
        told += [f"vignettes of {one.toll_country} {_span(one.age_s)} old" for one in state.postgres.registries]
    return Text(" · ".join(told), style="bold")


def _table(title: str, *columns: str, left: int = 1) -> Table:
    """A table whose first `left` columns are text and whose others are numbers."""
    table = Table(
        title=title,
        box=box.SIMPLE_HEAD,
        title_justify="left",
        title_style="bold",
        pad_edge=False,
        collapse_padding=True,
    )
    for place, column in enumerate(columns):
        if place < left:  # where the terminal is narrow, these give way and numbers do not
            table.add_column(column, overflow="ellipsis", min_width=LEAST_WIDTH)
        else:
            table.add_column(column, justify="right", no_wrap=True)
    return table


def _cameras(postgres: PostgresState) -> Table:
    columns = ("camera", "state", "fps", "seen", "health", "lag", "waits", "frames", "lost", "drops")
    table = _table("Cameras", *columns, left=2)
    for one in sorted(postgres.cameras, key=lambda camera: (camera.condition == "ended", camera.name)):
        counts = one.counts
        table.add_row(
            escape(one.name),
            f"[{_STYLES[one.condition]}]{one.condition}[/]",
            _number(one.offered_fps),
            _number(one.processed_fps),
            _health(one),
            "–" if one.lag_s is None else _span(one.lag_s),
            str(counts.waiting),
            str(counts.offered),
            str(counts.shed + counts.shed_early + counts.expired + counts.failed + counts.corrupt),
            str(one.reconnects),
        )
    if not postgres.cameras:
        table.add_row("[dim]none in the last day[/]")
    return table


def _health(camera: CameraState) -> str:
    if camera.health is None:
        return "–"
    told = f"{int(camera.health * 100)} %"  # never rounded up to all
    return told if camera.health >= WELL else f"[bold red]{told}[/]"


def _verdicts(postgres: PostgresState) -> Text:
    given = " · ".join(f"{status.value} {postgres.verdicts[status]}" for status in VerdictStatus)
    return Text(f"Verdicts of the last hour: {given}")


def _queues(redis: RedisState) -> Table:
    table = _table("Queues", "stage", "waiting", "running", "oldest")
    for one in redis.queues:
        oldest = _span(one.oldest_s) if one.waiting else "–"
        table.add_row(one.stage, str(one.waiting), str(one.running), oldest)
    return table


def _processes(redis: RedisState) -> Table:
    table = _table("Processes", "role", "host", "networks", "pid", "up", "busy", "jobs", "memory", left=3)
    for one in redis.processes:
        table.add_row(
            f"{one.role} [yellow](waits)[/]" if one.is_waiting else one.role,
            escape(one.host),
            escape(", ".join(one.models)),
            str(one.pid),
            _span(one.up_s),
            "–" if one.busy is None else f"{one.busy:.0%}",
            "–" if one.busy is None else str(one.jobs),
            _bytes(one.memory_bytes),
        )
    return table


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"


def _span(seconds: float) -> str:
    """A time in the unit that suits it: 0.4 s, 12 s, 3 min, 5 h, 2 d."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    for unit_s, unit in ((_DAY_S, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * unit_s:
            return f"{seconds / unit_s:.0f} {unit}"
    return f"{seconds:.0f} s"


def _bytes(number: int) -> str:
    return f"{number / 1e9:.1f} GB" if number >= 1e9 else f"{number / 1e6:.0f} MB"
