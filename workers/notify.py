"""Stage 4: verdicts → those who want to know.

What is to be told is kept in Postgres, in the table `notifications`, until it has been told: Redis only says which
worker does it, and may lose everything. What is told is made of the event at that moment, so nothing that was erased
is told.
"""

import random
import time
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime

from anpr import log
from anpr import notifications as forms
from anpr.config import Settings, Webhook
from anpr.errors import BadConfig
from anpr.notifications import Notice
from anpr.watch_lists import Tolerance, likely
from storage import notifications, plate_events, verdict_counts, watch_lists
from storage.db import Conn
from storage.notifications import Delivery, News
from workers import queues
from workers.post import Undelivered, post
from workers.process import Process, current, job

_log = log.get(__name__)
MQTT = ":mqtt"  # the broker among the targets; no webhook can have this name
MOST_NEWS = 300  # verdicts a sweep looks at: some tenths of a second's work
MOST_DUE = 100
LEASE_S = 20.0  # longer than a job may take
RESTS_AFTER = 3  # failures in a row
FIRST_REST_S = 5.0
LONGEST_REST_S = 60.0
PASSINGS = "passings"


def check_secrets(settings: Settings) -> None:
    """Raises BadConfig where a secret that a target needs is not in the environment, or is none."""
    for name, hook in settings.webhooks.items():
        try:
            hook.secret()
            hook.authorization()
        except ValueError as exc:
            raise BadConfig(f"`webhooks.{name}`: {exc}") from None
    try:
        settings.mqtt.password()
    except ValueError as exc:
        raise BadConfig(f"`mqtt`: {exc}") from None


def announce(process: Process) -> None:
    """Look at new verdicts: who waits for such a plate, and who is to be told; then hand on what is due."""
    with process.database.transaction() as conn:
        if not notifications.lock(conn):
            return
        tolerance = watch_lists.widest(conn)
        counts: Counter[tuple[int, str]] = Counter()
        for found in notifications.news(conn, most=MOST_NEWS):
            if notifications.hold(conn, found.event_id):
                _announce(conn, process.settings, found, tolerance)
                counts.update(_counted(found))
        verdict_counts.add(conn, counts)
        due = notifications.due(conn, most=MOST_DUE, without=MQTT) if process.settings.webhooks else []
    queues.deliver_later(process.redis, due)


def _announce(conn: Conn, settings: Settings, found: News, tolerance: Tolerance | None) -> None:
    row = plate_events.get(conn, found.event_id)
    if row is None:
        return
    lists: set[str] = set()
    if tolerance is not None:
        texts = likely(row.event, settings.notifications.watch_confidence)
        waiting = watch_lists.find(conn, texts, tolerance)
        watch_lists.set_hits(conn, found.event_id, waiting)
        lists = {one.entry.list for one in waiting}
    targets = [
        name for name, hook in settings.webhooks.items() if forms.wants(hook, row.event, found.status, lists=lists)
    ]
    if settings.mqtt.host and forms.wants(settings.mqtt, row.event, found.status, lists=lists):
        targets.append(MQTT)
    notifications.add(conn, found, targets)


def _counted(found: News) -> list[tuple[int, str]]:
    what = [found.status.value, *([PASSINGS] if found.is_first else [])]
    return [(found.camera_id, one) for one in what]


@job
def deliver(notification_id: int) -> None:
    """Tell one target of one verdict; where that fails, have it done again later, or set it aside as dead."""
    process = current()
    queues.delivery_begins(process.redis, notification_id)
    with process.database.transaction() as conn:
        delivery = notifications.claim(conn, notification_id, lease_s=LEASE_S)
        if delivery is None:
            return  # it has been made, or its time has not come
        if delivery.attempts > process.settings.notifications.attempts:
            notifications.failed(conn, delivery, why="ended its worker each time", again_s=None)
            return
        notice = notifications.notice(conn, delivery)
        if notice is None:
            notifications.drop(conn, [delivery.id])
            return
    began_s = time.monotonic()
    told = {"target": delivery.target, "event_id": delivery.event_id, "attempt": delivery.attempts}
    try:
        send(process.settings, delivery.target, notice)
    except Undelivered as exc:
        _failed(process, delivery, exc)
        _log.info("webhook.failed", **told, why=str(exc))
        return
    with process.database.transaction() as conn:
        notifications.delivered(conn, delivery.target, [delivery.id])
    _log.debug("webhook.delivered", **told, took_ms=round((time.monotonic() - began_s) * 1000))


def send(settings: Settings, target: str, notice: Notice) -> None:
    """Post a verdict to a webhook. Raises Undelivered."""
    hook = settings.webhooks.get(target)
    if hook is None:
        raise Undelivered("the settings have no webhook of this name", is_away=False)
    content = forms.body(notice, hook.format)
    try:
        headers = _headers(hook, notice.id, content, now=datetime.now(UTC))
    except ValueError as exc:
        raise Undelivered(str(exc), is_away=False) from None
    post(hook.url, content, headers, timeout_s=hook.timeout_s, allow_private=hook.allow_private)


def _headers(hook: Webhook, message_id: str, content: bytes, *, now: datetime) -> Mapping[str, str]:
    timestamp_s = int(now.timestamp())
    headers = {
        "Content-Type": "application/json",
        "User-Agent": forms.AGENT,
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp_s),
    }
    key, authorization = hook.secret(), hook.authorization()
    if key is not None:
        headers["webhook-signature"] = forms.signature(key, message_id, timestamp_s, content)
    if authorization is not None:
        headers["Authorization"] = authorization
    return headers


def _failed(process: Process, delivery: Delivery, exc: Undelivered) -> None:
    settings = process.settings.notifications
    again_s = None
    if delivery.attempts < settings.attempts:
        again_s = forms.retry_after_s(settings, delivery.attempts, random.random())  # noqa: S311 (spreads load)
    rests_until = None
    with process.database.transaction() as conn:
        notifications.failed(conn, delivery, why=str(exc), again_s=again_s)
        if exc.is_away:
            rests_until = notifications.away(
                conn, delivery.target, after=RESTS_AFTER, first_s=FIRST_REST_S, longest_s=LONGEST_REST_S
            )
    if again_s is None:
        _log.warning("webhook.dead", target=delivery.target, event_id=delivery.event_id, why=str(exc))
    if rests_until is not None:
        _log.debug("webhook.rests", target=delivery.target, until=rests_until.isoformat())
