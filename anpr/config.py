"""Every setting: its type, unit and default. Parsed once, by the command, and passed on from there."""

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Annotated, Any, Literal, Self, cast
from urllib.parse import urlsplit

import yaml
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from anpr.errors import BadConfig
from anpr.notification_settings import MqttSettings, NotificationSettings, TargetName, Webhook
from anpr.retention import Periods
from anpr.vignettes import ZONES

Share = Annotated[float, Field(ge=0, le=1)]
Point = tuple[Share, Share]
LEAST_KEY = 16  # characters: a key that is guessed gives all plates away, for there are only so many


def _must_be_toll_countries(codes: Iterable[str]) -> None:
    for code in codes:
        if code not in ZONES:
            raise ValueError(f"unknown toll country {code!r}; known are {', '.join(ZONES)}")


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CameraDefaults(_Section):
    """What holds for every camera that does not say otherwise."""

    toll_country: str = Field(default="CZ", description="country whose vignette is needed, ISO 3166-1 alpha-2")
    fps: float | None = Field(default=5.0, gt=0, le=120, description="frames a second to look at; null: all of them")
    motion: Share | None = Field(
        default=None, description="look only while this share of the picture changes (0.002 suits most); null: always"
    )
    motion_hold_s: float = Field(default=2.0, ge=0, description="how long to go on looking after the last motion, s")
    regions: tuple[tuple[Point, ...], ...] = Field(
        default=(), description="polygons of x, y in 0..1 of the picture; plates outside them are ignored"
    )

    @field_validator("toll_country")
    @classmethod
    def _known_country(cls, value: str) -> str:
        if value.upper() not in ZONES:
            raise ValueError(f"unknown toll country {value!r}; known are {', '.join(ZONES)}")
        return value.upper()


class Camera(CameraDefaults):
    """One stream, file, directory of pictures or device."""

    url: str = Field(description="rtsp://, http://, a file, a directory of pictures or /dev/video0")
    start: AwareDatetime | None = Field(
        default=None, description="when a file begins, ISO 8601 with zone; null: what the file says, or its date"
    )


class QueueSettings(_Section):
    """How frames wait in Redis."""

    max_frames: int = Field(
        default=128, ge=8, le=100_000, description="frames and plates of a camera that may wait; beyond: shed or block"
    )
    batch: int = Field(default=8, ge=1, le=64, description="frames a detection job carries at most")
    batch_wait_s: float = Field(default=0.2, ge=0, le=10, description="how long a live frame waits for its batch, s")
    jpeg_quality: int = Field(default=90, ge=50, le=100, description="JPEG quality of frames on their way")

    @model_validator(mode="after")
    def _fills(self) -> Self:
        if self.batch > self.max_frames:
            raise ValueError(
                f"a batch of {self.batch} frames never fills where only {self.max_frames} may wait (max_frames)"
            )
        return self


class DetectSettings(_Section):
    """The plate detector."""

    model: str | None = Field(
        default=None,
        description="a .tflite with its spec beside it, or the name of one that ships; null: ssd_mobilenet_v2_448",
    )
    threshold: Share | None = Field(default=None, description="least detection score; null: what the spec says")
    tiles: str | None = Field(default=None, pattern=r"^\d+x\d+$", description='look in tiles too, such as "2x1"')
    margin: Share | None = Field(
        default=None, description="crop grown by this share a side; null: what suits the reader that ships"
    )
    min_plate_px: int = Field(default=40, ge=1, description="plates narrower than this are counted, not read, px")


class ReadSettings(_Section):
    """The plate reader."""

    reader: Literal["tflite", "tesseract", "segment"] = Field(default="tflite", description="which reader")
    model: str | None = Field(default=None, description="a .tflite with its spec beside it; null: the one that ships")
    min_confidence: Share = Field(default=0.0, description="reads below this are unreadable")
    min_length: int = Field(default=3, ge=1, le=12, description="reads shorter than this are unreadable, characters")
    pictures: int = Field(default=3, ge=1, le=1000, description="evidence pictures kept of an event")


class EventSettings(_Section):
    """Which reads are one car."""

    gap_s: float = Field(default=6.0, gt=0, description="a plate unseen for longer has passed, s")
    late_s: float = Field(
        default=600.0,
        ge=0,
        description="a read that comes later than this after its event closed is kept, not judged, s",
    )


class CheckSettings(_Section):
    """How sure one must be before a car is suspected."""

    suspect_confidence: Share = Field(default=0.98, description="least confidence of a plate that is suspected")
    suspect_agreeing: int = Field(default=2, ge=1, description="least reads that agree on a plate that is suspected")
    registry_max_age_h: float = Field(default=168.0, gt=0, description="an older vignette list accuses nobody, hours")


class CaseSettings(_Section):
    """When a suspicion becomes a case, and how people review it."""

    wait_h: float = Field(
        default=24.0, ge=0, description="a suspicion becomes a case so long after its liability period, hours"
    )
    claim_s: float = Field(default=900.0, gt=0, description="how long a case is with one reviewer alone, s")


class RetentionSettings(_Section, Periods):
    """How long what a passing left is kept; null: what the toll country's own data say, else the default for all."""

    countries: dict[str, Periods] = Field(
        default_factory=dict, description="the periods above for single toll countries, by code"
    )
    key: str = Field(
        default="", repr=False, description="secret of the pseudonyms; empty: what should get one is erased instead"
    )
    searches_d: float = Field(default=365.0, ge=0, description="how long it is known who searched a plate, days")
    waiting_d: float = Field(
        default=7.0, gt=0, description="frames that wait for a worker for longer are dropped, as expired; days"
    )

    @field_validator("key")
    @classmethod
    def _long_enough(cls, value: str) -> str:
        if value and len(value) < LEAST_KEY:
            raise ValueError(f"must have at least {LEAST_KEY} characters, such as those of `openssl rand -hex 32`")
        return value

    @field_validator("countries")
    @classmethod
    def _known_countries(cls, value: dict[str, Periods]) -> dict[str, Periods]:
        _must_be_toll_countries(value)
        return value

    @property
    def for_all(self) -> Periods:
        """The periods for countries that `countries` does not name."""
        return Periods.model_validate(self.model_dump(include=set(Periods.model_fields)))


class ApiSettings(_Section):
    """The HTTP API, `anpr serve`."""

    host: str = Field(default="127.0.0.1", description="address to listen on; 0.0.0.0: all of them")
    port: int = Field(default=8080, ge=1, le=65535, description="port to listen on")
    proxies: tuple[str, ...] = Field(
        default=(), description="addresses of reverse proxies that are believed who asks, and whether by https"
    )
    rate_per_min: int = Field(default=600, ge=1, description="requests of one key a minute; more are refused")
    tries_per_min: int = Field(default=10, ge=1, description="wrong keys of one address a minute; more are refused")
    session_h: float = Field(default=12.0, gt=0, description="how long a login lasts, hours")
    picture_mb: float = Field(default=20.0, gt=0, le=200, description="largest picture that is read, MB")
    list_mb: float = Field(default=512.0, gt=0, description="largest vignette list that is imported, MB")
    read_at_once: int = Field(default=1, ge=1, le=64, description="pictures that are read at the same time")
    watchers: int = Field(default=100, ge=1, le=10_000, description="who may watch live at the same time")


class RegistrySettings(_Section):
    """Where it is known who has paid: imported lists, or a service that is asked over HTTP instead."""

    public_keys: dict[str, tuple[str, ...]] = Field(
        default_factory=dict,
        description="Ed25519 keys by toll country, PEM or base64; a list that none of them signed is refused",
    )
    max_shrink: Share = Field(
        default=0.1,
        description="a list that would leave fewer vignettes than are in force is refused beyond this share",
    )
    keep_d: float = Field(
        default=7.0, gt=0, description="how long a list is kept whole that is no longer in force, days"
    )
    url: str = Field(default="", description="http(s)://… with {country} and {plate}; empty: imported lists are used")
    token: str = Field(default="", repr=False, description="sent as bearer token, where not empty")
    timeout_s: float = Field(default=2.0, gt=0, le=5, description="for one answer, s")
    retries: int = Field(default=2, ge=0, le=5, description="further attempts where it fails for a moment")
    cache_s: float = Field(default=60.0, ge=0, le=3600, description="how long an answer is remembered, s")
    failures: int = Field(default=5, ge=1, description="failures in a row after which it is let rest")
    rest_s: float = Field(default=30.0, ge=0, description="how long it is let rest, s")
    again_s: float = Field(default=60.0, ge=1, description="a passing it could not answer is judged again then, s")

    @field_validator("public_keys", mode="before")
    @classmethod
    def _one_or_several(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        told = cast(dict[str, Any], value)
        return {country: (keys,) if isinstance(keys, str) else keys for country, keys in told.items()}

    @field_validator("public_keys")
    @classmethod
    def _usable_keys(cls, value: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        from anpr import signatures  # noqa: PLC0415 (loads for half a second)

        _must_be_toll_countries(value)
        for country, keys in value.items():
            if not keys:
                raise ValueError(f"{country} has no key: name one, or leave {country} out")
            for number, key in enumerate(keys, 1):
                try:
                    signatures.public_key(key)
                except ValueError as exc:
                    raise ValueError(f"key {number} of {country} {exc}") from exc
        return value

    @field_validator("url")
    @classmethod
    def _asks_for_a_plate(cls, value: str) -> str:
        url = urlsplit(value)
        is_whole = url.scheme in ("http", "https") and url.hostname and url.port != 0
        if value and not (is_whole and "{plate}" in value and "{country}" in value):
            raise ValueError("must be such as https://registry.example/vignettes/{country}/{plate}")
        return value


class MetricsSettings(_Section):
    """Where processes serve `/metrics` for Prometheus."""

    host: str = Field(default="127.0.0.1", min_length=1, description="address to listen on; 0.0.0.0: all of this host")
    port: int = Field(
        default=0, ge=0, le=65535, description="port of /metrics, such as 9464; 0: none. One process a host serves it"
    )


class Settings(_Section):
    """The whole of it."""

    database_url: str = Field(default="", description="postgresql://…; default: DATABASE_URL from the environment")
    redis_url: str = Field(default="", description="redis://…; default: REDIS_URL from the environment")
    evidence_dir: str = Field(default="evidence", description="where pictures of plates are kept")
    defaults: CameraDefaults = CameraDefaults()
    cameras: dict[str, Camera] = Field(default_factory=dict, description="cameras by name")
    queue: QueueSettings = QueueSettings()
    detect: DetectSettings = DetectSettings()
    read: ReadSettings = ReadSettings()
    events: EventSettings = EventSettings()
    check: CheckSettings = CheckSettings()
    cases: CaseSettings = CaseSettings()
    registry: RegistrySettings = RegistrySettings()
    retention: RetentionSettings = RetentionSettings()
    api: ApiSettings = ApiSettings()
    metrics: MetricsSettings = MetricsSettings()
    webhooks: dict[TargetName, Webhook] = Field(
        default_factory=dict, description="HTTP servers that are told of verdicts, by name"
    )
    mqtt: MqttSettings = MqttSettings()
    notifications: NotificationSettings = NotificationSettings()

    @model_validator(mode="before")
    @classmethod
    def _defaults_into_cameras(cls, data: Any) -> Any:
        match data:
            case {"cameras": dict(), "defaults": dict()}:
                cameras, defaults = cast(dict[str, Any], data["cameras"]), cast(dict[str, Any], data["defaults"])
                filled: dict[str, Any] = {
                    name: {**defaults, **cast(dict[str, Any], one)} if isinstance(one, dict) else one
                    for name, one in cameras.items()
                }
                return {**cast(dict[str, Any], data), "cameras": filled}
            case _:
                return data


_VARIABLE = re.compile(r"(\$?)\$\{(\w+)\}")


def parse(text: str, *, where: str, environ: Mapping[str, str]) -> Settings:
    """Settings from YAML; `${NAME}` stands for a variable of the environment, `$${NAME}` for itself.

    `where` names the text in errors.

    Raises BadConfig with one line that names the key and what would be right.
    """
    try:
        data: object = yaml.safe_load(text)
    except yaml.MarkedYAMLError as exc:
        line = exc.problem_mark.line + 1 if exc.problem_mark else 0
        raise BadConfig(f"{where}, line {line}: not valid YAML: {exc.problem}") from exc
    if data is None:
        data = {}
    if not isinstance(data, dict):
        raise BadConfig(f"{where}: must hold settings by name, such as `cameras:`")
    filled = {key: _fill(value, where, environ) for key, value in cast(dict[str, object], data).items()}
    return build(filled, where=where, environ=environ)


def build(data: Mapping[str, object], *, where: str, environ: Mapping[str, str]) -> Settings:
    """Settings from plain values; DATABASE_URL and REDIS_URL of the environment fill what is not given."""
    given = dict(data)
    for key in ("database_url", "redis_url"):
        given[key] = given.get(key) or environ.get(key.upper(), "")
    try:
        return Settings.model_validate(given, context=environ)
    except ValidationError as exc:
        raise BadConfig(f"{where}: {_explain(exc)}") from exc


def _fill(value: object, where: str, environ: Mapping[str, str]) -> object:
    if isinstance(value, dict):
        return {key: _fill(one, where, environ) for key, one in cast(dict[str, object], value).items()}
    if isinstance(value, list):
        return [_fill(one, where, environ) for one in cast(list[object], value)]
    if isinstance(value, str):
        for escaped, name in _VARIABLE.findall(value):
            if not escaped and name not in environ:
                raise BadConfig(f"{where}: ${{{name}}} is not set in the environment")
        return _VARIABLE.sub(lambda match: match[0][1:] if match[1] else environ[match[2]], value)
    return value


def _explain(exc: ValidationError) -> str:
    told: list[str] = []
    for error in exc.errors():
        path = ".".join(str(part) for part in error["loc"])
        if error["type"] == "extra_forbidden":
            told.append(f"unknown key `{path}`{_meant(error['loc'])}")
        else:
            told.append(f"`{path}`: {error['msg'].removeprefix('Value error, ')}")
    return "; ".join(told)


def _meant(path: tuple[int | str, ...]) -> str:
    section: type[BaseModel] = Settings
    for part in path[:-1]:
        if section is Settings and part in ("cameras", "webhooks"):
            section = Camera if part == "cameras" else Webhook
        elif str(part) in section.model_fields:
            annotation = section.model_fields[str(part)].annotation
            section = annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else section
    near = get_close_matches(str(path[-1]), section.model_fields, n=1)
    return f" (did you mean `{near[0]}`?)" if near else ""
