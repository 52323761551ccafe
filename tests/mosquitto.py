"""A real Mosquitto on a free port, and somebody who listens to all of it."""

import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion
from pipeline import until

PASSWORD = "a password of the test"


class Mosquitto:
    """A broker that tests may kill and start again; it keeps nothing over that."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        path = os.environ["PATH"] + ":/usr/sbin"  # where Debian has it
        self._programs = {name: shutil.which(name, path=path) or name for name in ("mosquitto", "mosquitto_passwd")}
        passwords = directory / "passwords"
        passwords.touch(mode=0o600)
        argv = [self._programs["mosquitto_passwd"], "-b", passwords, "anpr", PASSWORD]
        subprocess.run(argv, check=True, capture_output=True)
        if os.getuid() == 0:
            shutil.chown(passwords, "mosquitto")
        lines = (f"listener {self.port} 127.0.0.1", "allow_anonymous false", f"password_file {passwords}")
        (directory / "mosquitto.conf").write_text("\n".join(lines) + "\n")

    def start(self) -> None:
        log = (self._directory / "mosquitto.log").open("ab")
        argv = [self._programs["mosquitto"], "-c", self._directory / "mosquitto.conf"]
        self._process = subprocess.Popen(argv, stdout=log, stderr=log)
        log.close()
        until(self._answers, within_s=20, what="Mosquitto answers")

    def _answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._process = None


@dataclass
class Listener:
    """What was published, in order, and what is retained now."""

    messages: list[tuple[str, str]] = field(default_factory=list)
    retained: dict[str, str] = field(default_factory=dict)

    def of(self, topic: str) -> list[str]:
        return [payload for name, payload in self.messages if name == topic]


@contextmanager
def listening(port: int) -> Iterator[Listener]:
    """Somebody who subscribes to everything from now on; `retained` is what the broker had kept."""
    heard = Listener()
    ready = threading.Event()
    client = Client(CallbackAPIVersion.VERSION2)
    client.username_pw_set("anpr", PASSWORD)

    def on_message(_client: Client, _: object, message: MQTTMessage) -> None:
        payload = message.payload.decode()
        heard.messages.append((message.topic, payload))
        if message.retain:
            heard.retained[message.topic] = payload

    client.on_connect = lambda *_: client.subscribe("#", qos=1)
    client.on_subscribe = lambda *_: ready.set()
    client.on_message = on_message
    client.connect_async("127.0.0.1", port)
    client.loop_start()
    assert ready.wait(20)
    try:
        yield heard
    finally:
        client.disconnect()
        client.loop_stop()
