"""Settings of those who are told of verdicts: webhooks, an MQTT broker."""

import binascii
from base64 import b64decode
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Self, cast
from urllib.parse import quote, urlsplit

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, StringConstraints, field_validator, model_validator

from anpr.addresses import is_public
from anpr.types import VerdictStatus

Share = Annotated[float, Field(ge=0, le=1)]
Variable = Annotated[str, StringConstraints(pattern=r"^([A-Za-z_][A-Za-z0-9_]*)?$")]
TargetName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
LEAST_SECRET = 16  # bytes: RFC 2104 wants no short ones, and whoever guesses it can forge verdicts
LOCAL_NAMES = ("localhost",)


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _WithSecrets(_Section):
    """A section whose secrets stand in the environment alone: neither a file nor a printout of settings has them."""

    _environ: Mapping[str, str] = PrivateAttr(default_factory=dict[str, str])

    def model_post_init(self, context: Any, /) -> None:
        self._environ = cast("Mapping[str, str]", context or {})

    def from_environment(self, variable: str) -> str | None:
        """The value of a variable that a setting names; None where it is not set."""
        return self._environ.get(variable)


class Format(StrEnum):
    """The form of what is sent."""

    ANPR = "anpr"
    OPENALPR = "openalpr"
    PLATE_RECOGNIZER = "platerecognizer"


class Filters(_Section):
    """Which verdicts are told; all of these must hold."""

    verdicts: tuple[VerdictStatus, ...] = Field(default=(), description="only these verdicts; none named: all")
    cameras: tuple[str, ...] = Field(default=(), description="only of these cameras; none named: all")
    watch_lists: tuple[str, ...] = Field(
        default=(), description="only passings that one of these watch lists waits for; none named: all"
    )
    min_confidence: Share = Field(default=0.0, description="only plates of this confidence at least")

    @field_validator("verdicts", mode="before")
    @classmethod
    def _capitals(cls, value: object) -> object:
        if isinstance(value, list):
            return [one.upper() if isinstance(one, str) else one for one in cast("list[object]", value)]
        return value


class Webhook(Filters, _WithSecrets):
    """An HTTP server that is told of verdicts."""

    url: str = Field(description="https://… that verdicts are posted to; http:// only with allow_private")
    format: Format = Field(default=Format.ANPR, description="anpr, openalpr or platerecognizer")
    secret_env: Variable = Field(
        default="", description="environment variable that holds the secret of the signature; empty: unsigned"
    )
    authorization_env: Variable = Field(
        default="", description="environment variable that holds the Authorization header; empty: none is sent"
    )
    allow_private: bool = Field(default=False, description="the server may be inside a private network, or this host")
    timeout_s: float = Field(default=5.0, gt=0, le=7, description="for the whole of a delivery, s")

    @model_validator(mode="after")
    def _may_be_asked(self) -> Self:
        url = urlsplit(self.url)
        if url.scheme not in ("http", "https") or not url.hostname or url.port == 0:
            raise ValueError("`url` must be such as https://control.example/verdicts")
        if url.username is not None or url.password is not None:
            raise ValueError("`url` must hold no user name or password: use `authorization_env`")
        _check_written(url.hostname, f"{url.path}?{url.query}")
        if url.scheme == "http" and not self.allow_private:
            raise ValueError(
                "plates would travel in the clear: use https://, or `allow_private` inside your own network"
            )
        if not self.allow_private and not _may_be_public(url.hostname):
            raise ValueError(f"{url.hostname} is a private address: `allow_private` permits it")
        return self

    def secret(self) -> bytes | None:
        """The key of the signature, None where none is wanted: the bytes of what the variable holds, or what is encoded
        in base64 after `whsec_`.

        Raises ValueError with one line where the variable is not set or holds too little.
        """
        if not self.secret_env:
            return None
        text = self._variable(self.secret_env)
        try:
            key = b64decode(text.removeprefix("whsec_"), validate=True) if text.startswith("whsec_") else text.encode()
        except binascii.Error:
            raise ValueError(f"{self.secret_env}: what follows whsec_ is not base64") from None
        if len(key) < LEAST_SECRET:
            raise ValueError(f"{self.secret_env} holds fewer than {LEAST_SECRET} bytes: try `openssl rand -hex 32`")
        return key

    def authorization(self) -> str | None:
        """The Authorization header, where one is wanted. Raises ValueError where its variable holds none."""
        if not self.authorization_env:
            return None
        text = self._variable(self.authorization_env)
        if not text.isascii() or not text.isprintable():
            raise ValueError(f"{self.authorization_env} holds characters that no header may have")
        return text

    def _variable(self, name: str) -> str:
        found = self.from_environment(name)
        if not found:
            raise ValueError(f"{name} is not set in the environment")
        return found


def _check_written(host: str, path: str) -> None:
    """Raises ValueError where an URL cannot be asked for as it is written."""
    try:
        host.encode("idna")
    except UnicodeError:
        raise ValueError(f"`url`: {host} is no name of a host") from None
    wrong = next((one for one in path if not "!" <= one <= "~"), None)
    if wrong is not None:
        raise ValueError(f"`url` must have its path in ASCII: {wrong!r} is {quote(wrong)}")


def _may_be_public(host: str) -> bool:
    try:
        return is_public(host)
    except ValueError:
        return host.rstrip(".").lower() not in LOCAL_NAMES


class MqttSettings(Filters, _WithSecrets):
    """An MQTT broker that is told of verdicts."""

    host: str = Field(default="", description="name or address of the broker; empty: none is told")
    port: int = Field(default=1883, ge=1, le=65535, description="port of the broker; with TLS most use 8883")
    tls: bool = Field(default=False, description="encrypt, and check the broker's certificate")
    ca_file: str | None = Field(default=None, description="certificates to trust, PEM; null: those of the system")
    username: str = Field(default="", description="user name at the broker; empty: none")
    password_env: Variable = Field(default="", description="environment variable that holds the password")
    prefix: str = Field(
        default="anpr", pattern=r"^[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*$", description="what all topics begin with"
    )
    discovery_prefix: str = Field(
        default="homeassistant",
        pattern=r"^([A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*)?$",
        description="where Home Assistant looks for devices; empty: it is not told of them",
    )
    plates: bool = Field(default=False, description="tell plates too, in payloads alone, and never in retained ones")

    def password(self) -> str | None:
        """Raises ValueError with one line where its variable is not set."""
        if not self.password_env:
            return None
        found = self.from_environment(self.password_env)
        if found is None:
            raise ValueError(f"{self.password_env} is not set in the environment")
        return found


class NotificationSettings(_Section):
    """How it is told."""

    attempts: int = Field(default=16, ge=1, le=100, description="deliveries tried before one is set aside as dead")
    first_retry_s: float = Field(
        default=5.0, gt=0, le=3600, description="until the second attempt; doubles each time, s"
    )
    longest_retry_s: float = Field(default=3600.0, gt=0, le=86400, description="longest time between attempts, s")
    dead_d: float = Field(default=30.0, ge=0, description="how long a dead delivery may still be replayed, days")
    watch_confidence: Share = Field(
        default=0.05, description="readings of a passing less likely than this match no watch list"
    )
