# pyright: reportUnknownMemberType=false
# because redis-py is typed in part only
"""The MQTT broker: what passed, the last verdict and the counts of each camera, and devices for Home Assistant.

One notify worker at a time speaks to it. Verdicts wait in Postgres until the broker has acknowledged them; counts and
devices are told anew whenever it comes back. No topic holds a plate, and no retained message does.
"""

import json
import re
import ssl
import threading
import time
from collections.abc import Mapping
from contextlib import suppress

from paho.mqtt.client import Client, MQTTMessageInfo
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode
from redis.exceptions import RedisError

from anpr import log
from anpr.config import MqttSettings
from anpr.errors import BadConfig
from anpr.notifications import Notice, own_form
from anpr.types import VerdictStatus
from storage import notifications, verdict_counts
from storage.verdict_counts import CameraCounts
from workers import queues
from workers.notify import LEASE_S, MQTT, PASSINGS
from workers.process import Process

_log = log.get(__name__)
KEEPALIVE_S = 15  # a broker says that we are gone half as long again after we are
LONGEST_RETRY_S = 30
ACKNOWLEDGED_S = 2.0
GOODBYE_S = 1.0
MOST = 100  # verdicts at a time
_NOT_TOPIC = re.compile(r"[^A-Za-z0-9_-]")


class Broker:
    """Our connection to the broker: opened when this worker is the one to tell it, and again whenever it is lost."""

    def __init__(self, settings: MqttSettings) -> None:
        """Raises BadConfig where the password or the certificates are not to be had; does not connect."""
        self._settings = settings
        try:
            self._password = settings.password()
            self._tls = ssl.create_default_context(cafile=settings.ca_file) if settings.tls else None
        except ValueError as exc:
            raise BadConfig(f"`mqtt`: {exc}") from None
        except OSError as exc:
            raise BadConfig(f"`mqtt.ca_file`: {settings.ca_file} holds no certificates: {exc.strerror}") from exc
        self._client: Client | None = None
        self._is_new = threading.Event()  # connected, and nothing told yet
        self._was_told_away = False
        self._announced: set[int] = set()  # cameras
        self._counts: dict[int, Mapping[str, int]] = {}
        self._verdicts: dict[str, tuple[int, str]] = {}  # by topic: the newest, its number first

    def _connect(self) -> Client:
        # The same name for all workers: a broker ends the older of two connections, so none is left whose end would
        # tell that we are gone while another worker goes on.
        name = f"anpr-{self._settings.prefix.replace('/', '-')}"
        client = Client(CallbackAPIVersion.VERSION2, client_id=name)
        client.reconnect_delay_set(1, LONGEST_RETRY_S)
        client.will_set(self._status, "offline", qos=1, retain=True)
        client.on_connect = self._on_connect
        client.on_connect_fail = self._on_connect_fail
        client.on_disconnect = self._on_disconnect
        if self._settings.username:
            client.username_pw_set(self._settings.username, self._password)
        if self._tls is not None:
            client.tls_set_context(self._tls)
        client.connect_async(self._settings.host, self._settings.port, keepalive=KEEPALIVE_S)
        client.loop_start()
        return client

    @property
    def _status(self) -> str:
        return f"{self._settings.prefix}/status"

    # The next four run in the client's own thread.
    def _on_connect(self, _client: Client, _: object, _flags: object, reason: ReasonCode, _properties: object) -> None:
        if reason.is_failure:
            self._away(str(reason))
            return
        self._is_new.set()
        self._was_told_away = False
        _log.info("mqtt.connected", broker=self._settings.host)

    def _on_connect_fail(self, _client: Client, _: object) -> None:
        self._away("it cannot be connected to")

    def _on_disconnect(
        self, _client: Client, _: object, _flags: object, reason: ReasonCode, _properties: object
    ) -> None:
        if reason.is_failure:
            self._away(str(reason))

    def _away(self, why: str) -> None:
        if not self._was_told_away:
            _log.warning("mqtt.away", broker=self._settings.host, why=why)
        self._was_told_away = True

    def tend(self, process: Process) -> None:
        """Tell the broker what it does not know, if it is for this worker to do. Raises Unavailable, RedisError."""
        if not queues.leads(process.redis, MQTT):
            self._leave()
            return
        self._client = client = self._client or self._connect()
        if not client.is_connected():
            return
        with process.database.transaction() as conn:
            cameras = verdict_counts.of_cameras(conn)
        if self._is_new.is_set():
            self._is_new.clear()
            self._announced.clear()
            self._counts.clear()
            _publish(client, self._status, "online", retain=True)
            for topic, (_, payload) in self._verdicts.items():
                _publish(client, topic, payload, retain=True)
        for camera in cameras:
            if not self._settings.cameras or camera.name in self._settings.cameras:
                self._tell_camera(client, camera)
        self._tell_verdicts(client, process)

    def _tell_camera(self, client: Client, camera: CameraCounts) -> None:
        if camera.id not in self._announced:
            self._announced.add(camera.id)
            for topic, payload in discovery(self._settings, camera.id, camera.name).items():
                _publish(client, topic, json.dumps(payload, ensure_ascii=False), retain=True)
        if self._counts.get(camera.id) != camera.counts:
            self._counts[camera.id] = camera.counts
            told = {what: camera.counts.get(what, 0) for what in (PASSINGS, *(one.value for one in VerdictStatus))}
            _publish(client, f"{self._base(camera.id, camera.name)}/counts", json.dumps(told), retain=True)

    def _tell_verdicts(self, client: Client, process: Process) -> None:
        with process.database.transaction() as conn:
            due = notifications.claim_of(conn, MQTT, most=MOST, lease_s=LEASE_S)
            found = {one.id: notifications.notice(conn, one) for one in due}
            notifications.drop(conn, [number for number, notice in found.items() if notice is None])
        sent = {number: self._tell(client, notice) for number, notice in found.items() if notice is not None}
        until_s = time.monotonic() + ACKNOWLEDGED_S
        arrived = [number for number, infos in sent.items() if all(_has_arrived(info, until_s) for info in infos)]
        if arrived:
            with process.database.transaction() as conn:
                notifications.delivered(conn, MQTT, arrived)
            _log.debug("mqtt.told", verdicts=len(arrived))

    def _tell(self, client: Client, notice: Notice) -> list[MQTTMessageInfo]:
        base = self._base(notice.camera_id, notice.event.camera)
        passed = json.dumps(own_form(notice, with_plate=self._settings.plates), ensure_ascii=False)
        sent = [_publish(client, f"{base}/event", passed)]
        topic, last = f"{base}/verdict", json.dumps(last_verdict(notice), ensure_ascii=False)
        if notice.verdict_id >= self._verdicts.get(topic, (0, ""))[0]:  # one that is told again may be older
            self._verdicts[topic] = (notice.verdict_id, last)
            sent.append(_publish(client, topic, last, retain=True))
        return sent

    def _base(self, camera_id: int, camera: str) -> str:
        return f"{self._settings.prefix}/{topic_name(camera_id, camera)}"

    def _leave(self) -> None:
        """End the connection without a word: another worker has taken over."""
        if self._client is not None:
            self._client.disconnect()
            self._client.loop_stop()
            self._client = None

    def close(self, process: Process) -> None:
        """Say that we are gone, and end the connection."""
        if self._client is not None:
            if self._client.is_connected():
                gone = _publish(self._client, self._status, "offline", retain=True)
                _has_arrived(gone, time.monotonic() + GOODBYE_S)
            with suppress(RedisError):  # then it forgets by itself who led
                queues.leads_no_more(process.redis, MQTT)
        self._leave()


def _publish(client: Client, topic: str, payload: str, *, retain: bool = False) -> MQTTMessageInfo:
    return client.publish(topic, payload, qos=1, retain=retain)


def _has_arrived(info: MQTTMessageInfo, until_s: float) -> bool:
    try:
        info.wait_for_publish(max(until_s - time.monotonic(), 0.001))
        return info.is_published()
    except (ValueError, RuntimeError):  # the connection was lost meanwhile
        return False


def topic_name(camera_id: int, camera: str) -> str:
    """What stands for a camera in topics: its name, where that may, else what is left of it and the camera's number."""
    name = _NOT_TOPIC.sub("_", camera)
    return name if name == camera else f"{name}_{camera_id}"


def last_verdict(notice: Notice) -> dict[str, object]:
    """The retained message of a camera, which brokers keep for as long as they like: nothing in it tells a plate."""
    told = own_form(notice, with_plate=False)
    return {
        "status": notice.status.value,
        "event_id": notice.event.id,
        "seen_at": notice.event.first_seen.isoformat(),
        "confidence": round(notice.event.confidence, 4),
        "watch_lists": sorted({hit.list for hit in notice.hits}),
        "id": told["id"],
    }


def discovery(settings: MqttSettings, camera_id: int, camera: str) -> dict[str, dict[str, object]]:
    """The sensors of a camera as Home Assistant wants to be told of them (home-assistant.io, "MQTT discovery"), by
    topic; none where it is not to be told."""
    if not settings.discovery_prefix:
        return {}
    node = f"anpr_{topic_name(camera_id, camera)}"
    base = f"{settings.prefix}/{topic_name(camera_id, camera)}"
    shared: dict[str, object] = {
        "availability_topic": f"{settings.prefix}/status",
        "device": {"identifiers": [node], "name": camera, "manufacturer": "anpr", "model": "camera"},
        "origin": {"name": "anpr"},
    }
    count: dict[str, object] = {"state_topic": f"{base}/counts", "state_class": "total_increasing"}
    sensors: dict[str, dict[str, object]] = {
        "verdict": {
            "name": "Last verdict",
            "state_topic": f"{base}/verdict",
            "value_template": "{{ value_json.status }}",
            "json_attributes_topic": f"{base}/{'event' if settings.plates else 'verdict'}",
            "device_class": "enum",
            "options": [one.value for one in VerdictStatus],
            "icon": "mdi:car-info",
        },
        "passings": {
            "name": "Passings",
            "value_template": f"{{{{ value_json.{PASSINGS} }}}}",
            "icon": "mdi:car-multiple",
            **count,
        },
        "suspects": {
            "name": "Suspects",
            "value_template": f"{{{{ value_json.{VerdictStatus.SUSPECT} }}}}",
            "icon": "mdi:car-off",
            **count,
        },
    }
    return {
        f"{settings.discovery_prefix}/sensor/{node}/{what}/config": {"unique_id": f"{node}_{what}", **one, **shared}
        for what, one in sensors.items()
    }
