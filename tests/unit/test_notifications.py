"""Who is told of a verdict, in which form, how it is signed, and where it must not go."""

import base64
import hashlib
import hmac
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from builders import NOON, a_box, an_event
from hypothesis import given
from hypothesis import strategies as st

from anpr.addresses import is_public
from anpr.config import Settings, Webhook, parse
from anpr.errors import BadConfig
from anpr.notification_settings import Filters, Format, MqttSettings, NotificationSettings
from anpr.notifications import Notice, body, own_form, retry_after_s, signature, wants
from anpr.types import Candidate, Region, VerdictStatus
from anpr.watch_lists import Tolerance, WatchHit
from workers.mqtt import discovery, last_verdict, topic_name

SUSPECT, VALID = VerdictStatus.SUSPECT, VerdictStatus.VALID
CANDIDATES = (Candidate(text="1A23456", confidence=0.9712345), Candidate(text="IA23456", confidence=0.02))


def a_notice(**changes: Any) -> Notice:
    event = an_event(confidence=0.9712345, candidates=CANDIDATES)
    hit = WatchHit(list="stolen", plate="IA23456", match=Tolerance.LOOK_ALIKE, note="red van")
    given: dict[str, Any] = {
        "event": replace(event, id=1207, regions=(Region(country="CZ", probability=0.8),)),
        "camera_id": 3,
        "verdict_id": 3344,
        "status": SUSPECT,
        "reason": "no vignette for CZ",
        "rules_version": "CZ 2026-01-01",
        "is_provisional": False,
        "judged_at": NOON,
        "box": a_box(x=100.4, y=50, width=99.2, height=25),
        "detection_score": 0.8123456,
        "hits": (hit,),
    }
    return Notice(**given | changes)


def sent(notice: Notice, form: Format) -> Any:
    return json.loads(body(notice, form))


@pytest.mark.parametrize(
    ("filters", "want"),
    [
        ({}, True),
        ({"verdicts": ["SUSPECT", "AMBIGUOUS"]}, True),
        ({"verdicts": ["suspect"]}, True),
        ({"verdicts": ["VALID"]}, False),
        ({"cameras": ["gate"]}, True),
        ({"cameras": ["bridge"]}, False),
        ({"watch_lists": ["stolen", "own"]}, True),
        ({"watch_lists": ["own"]}, False),
        ({"min_confidence": 0.9}, True),
        ({"min_confidence": 0.99}, False),
        ({"verdicts": ["SUSPECT"], "cameras": ["bridge"]}, False),
    ],
)
def test_all_filters_of_a_target_must_hold(filters: dict[str, Any], want: bool) -> None:
    event = an_event(confidence=0.95)
    assert wants(Filters.model_validate(filters), event, SUSPECT, lists={"stolen"}) is want


def test_our_own_form_tells_all_that_is_known() -> None:
    assert sent(a_notice(), Format.ANPR) == {
        "type": "verdict",
        "version": 1,
        "id": "1207-2-3344",
        "is_test": False,
        "event": {
            "id": 1207,
            "revision": 2,
            "camera": "gate",
            "toll_country": "CZ",
            "first_seen": "2026-05-01T12:00:00.000Z",
            "last_seen": "2026-05-01T12:00:02.000Z",
            "countries": ["CZ"],
            "confidence": 0.9712,
            "reads": 5,
            "agreeing": 5,
            "plate": "1A23456",
            "is_corrected": False,
            "candidates": [{"text": "1A23456", "confidence": 0.9712}, {"text": "IA23456", "confidence": 0.02}],
        },
        "verdict": {
            "status": "SUSPECT",
            "is_provisional": False,
            "judged_at": "2026-05-01T12:00:00.000Z",
            "rules_version": "CZ 2026-01-01",
            "reason": "no vignette for CZ",
        },
        "watch_hits": [{"list": "stolen", "match": "look-alike", "plate": "IA23456", "note": "red van"}],
    }


def test_the_form_of_openalpr_has_percents_milliseconds_and_corners() -> None:
    told = sent(a_notice(), Format.OPENALPR)
    assert told["data_type"] == "alpr_group"
    assert (told["epoch_start"], told["epoch_end"]) == (1777636800000, 1777636802000)
    assert (told["best_plate_number"], told["best_confidence"]) == ("1A23456", 97.1235)
    assert (told["country"], told["best_region"], told["best_region_confidence"]) == ("eu", "eu-cz", 80.0)
    assert (told["best_plate"]["region"], told["plate_indexes"]) == ("eu-cz", [0])
    assert told["best_uuid"] in told["uuids"]
    assert (told["camera_id"], told["web_server_config"]["camera_label"]) == (3, "gate")
    assert told["candidates"][1] == {"plate": "IA23456", "confidence": 2.0, "matches_template": 0}
    assert told["best_plate"]["coordinates"] == [
        {"x": 100, "y": 50},
        {"x": 200, "y": 50},
        {"x": 200, "y": 75},
        {"x": 100, "y": 75},
    ]
    assert (told["custom_data"]["verdict"], told["custom_data"]["watch_lists"]) == ("SUSPECT", ["stolen"])


def test_the_form_of_plate_recognizer_has_small_letters_and_scores() -> None:
    told = sent(a_notice(), Format.PLATE_RECOGNIZER)
    assert told["hook"] == {"id": "gate", "event": "recognition"}
    assert (told["data"]["camera_id"], told["data"]["timestamp"]) == ("gate", "2026-05-01T12:00:00.000Z")
    moment = datetime.strptime(told["data"]["timestamp_local"], "%Y-%m-%d %H:%M:%S.%f%z")  # as receivers read it
    assert moment == NOON
    assert datetime.strptime(told["data"]["timestamp"], "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC) == NOON
    assert told["data"]["results"] == [
        {
            "plate": "1a23456",
            "score": 0.9712,
            "dscore": 0.8123,
            "box": {"xmin": 100, "ymin": 50, "xmax": 200, "ymax": 75},
            "region": {"code": "cz", "score": 0.8},
            "candidates": [{"plate": "1a23456", "score": 0.9712}, {"plate": "ia23456", "score": 0.02}],
        }
    ]
    assert told["data"]["anpr"]["verdict"] == "SUSPECT"


@pytest.mark.parametrize(
    ("form", "place"),
    [(Format.ANPR, "verdict"), (Format.OPENALPR, "custom_data"), (Format.PLATE_RECOGNIZER, "data")],
)
def test_every_form_tells_what_is_newest(form: Format, place: str) -> None:
    told = sent(a_notice(is_provisional=True), form)[place]
    told = told.get("anpr", told)
    assert (told["judged_at"], told["is_provisional"]) == ("2026-05-01T12:00:00.000Z", True)


def test_a_plate_of_no_known_country_has_no_region() -> None:
    notice = a_notice()
    unknown = replace(notice, event=replace(notice.event, regions=(Region(country="", probability=0.9),)))
    told = sent(unknown, Format.OPENALPR)
    assert (told["country"], told["best_region"], told["best_region_confidence"]) == ("eu", "", 0.0)


@pytest.mark.parametrize("form", Format)
def test_a_plate_that_people_corrected_is_told_in_every_form(form: Format) -> None:
    notice = a_notice()
    corrected = replace(notice, event=replace(notice.event, corrected_plate="7B77777"))
    assert b"7b77777" in body(corrected, form).lower()


@pytest.mark.parametrize("form", Format)
def test_the_same_verdict_is_told_in_the_same_bytes(form: Format) -> None:
    assert body(a_notice(), form) == body(a_notice(), form)
    assert body(a_notice(), form) != body(a_notice(status=VALID), form)


def test_each_verdict_and_each_revision_has_an_id_of_its_own() -> None:
    notice = a_notice()
    later = replace(notice, event=replace(notice.event, revision=3))
    assert len({notice.id, later.id, a_notice(verdict_id=3345).id}) == 3


def test_what_is_told_without_plates_tells_none() -> None:
    notice = a_notice(reason="1A23456 has no vignette")
    for told in (own_form(notice, with_plate=False), last_verdict(notice)):
        text = json.dumps(told)
        assert [plate for plate in ("1A23456", "IA23456", "red van") if plate in text] == []
        assert "SUSPECT" in text
        assert "stolen" in text


def test_a_message_is_bounded_however_much_there_is_to_tell() -> None:
    hit = a_notice().hits[0]
    event = replace(an_event(), candidates=CANDIDATES * 500)
    huge = a_notice(event=event, reason="because " * 10_000, hits=(replace(hit, note="x" * 200),) * 1000)
    assert all(len(body(huge, form)) < 20_000 for form in Format)


def test_the_signature_is_that_of_standard_webhooks() -> None:
    content = b'{"a":1}'
    want = hmac.new(b"k" * 32, b"1-2-3.1777636800." + content, hashlib.sha256).digest()
    assert signature(b"k" * 32, "1-2-3", 1777636800, content) == "v1," + base64.b64encode(want).decode()


@given(st.integers(1, 200), st.floats(0, 1))
def test_a_retry_comes_within_its_bounds_and_never_all_at_once(attempts: int, jitter: float) -> None:
    settings = NotificationSettings(first_retry_s=5, longest_retry_s=600)
    whole = min(600, 5 * 2 ** (attempts - 1))
    assert whole / 2 <= retry_after_s(settings, attempts, jitter) <= whole
    assert retry_after_s(settings, attempts, 0) < retry_after_s(settings, attempts, 1)


PRIVATE = (
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "127.0.0.1",
    "127.255.255.254",
    "0.0.0.0",  # noqa: S104
    "169.254.169.254",
    "100.64.0.1",
    "192.0.2.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "fe80::1",
    "fe80::1%eth0",
    "fc00::1",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:a00:1",
    "::7f00:1",  # with an address of IPv4 inside, as RFC 4291 and RFC 2765 had it
    "::ffff:0:7f00:1",
    "fec0::1",  # site-local, RFC 3879
    "3fff::1",  # for documentation, RFC 9637
    "5f00::1",
    "192.0.0.8",
    "64:ff9b::7f00:1",
    "64:ff9b:1::a00:1",
    "2002:7f00:1::",
    "2001:db8::1",
)


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_inside_somebodys_network_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_an_address_of_the_internet_is_public(address: str) -> None:
    assert is_public(address)


def hooked(text: str, **environ: str) -> Settings:
    return parse(f"webhooks: {{police: {{{text}}}}}", where="anpr.yaml", environ=environ)


def refused(text: str) -> str:
    with pytest.raises(BadConfig) as caught:
        hooked(text)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("url: 'ftp://x.example'", "`webhooks.police`: `url` must be such as https://control.example/verdicts"),
        ("url: 'http://x.example'", "`webhooks.police`: plates would travel in the clear: use https://,"),
        ("url: 'https://me:pw@x.example'", "`webhooks.police`: `url` must hold no user name or password"),
        ("url: 'https://10.1.2.3/x'", "`webhooks.police`: 10.1.2.3 is a private address: `allow_private` permits it"),
        ("url: 'https://[::1]/x'", "`webhooks.police`: ::1 is a private address"),
        ("url: 'https://localhost/x'", "`webhooks.police`: localhost is a private address"),
        ("url: 'https://a..b/x'", "`webhooks.police`: `url`: a..b is no name of a host"),
        (f"url: 'https://{'a' * 64}.example/x'", f"`webhooks.police`: `url`: {'a' * 64}.example is no name of a host"),
        ("url: 'https://x.example/märz'", "`webhooks.police`: `url` must have its path in ASCII: 'ä' is %C3%A4"),
        ("url: 'https://x.example/?a=b c'", "`webhooks.police`: `url` must have its path in ASCII: ' ' is %20"),
        ("url: 'https://x.example', secrets_env: K", "unknown key `webhooks.police.secrets_env` (did you mean"),
        ("url: 'https://x.example', secret_env: 's3 cret'", "`webhooks.police.secret_env`: String should match"),
        ("url: 'https://x.example', verdicts: [PAID]", "`webhooks.police.verdicts.0`: Input should be 'VALID'"),
    ],
)
def test_a_webhook_that_is_wrong_is_told_with_its_path(text: str, want: str) -> None:
    assert refused(text).startswith(f"anpr.yaml: {want}")


def test_a_private_server_may_be_told_where_that_is_allowed() -> None:
    assert hooked("url: 'http://10.1.2.3/x', allow_private: true").webhooks["police"].allow_private


def test_a_secret_is_in_the_environment_alone() -> None:
    settings = hooked(
        "url: 'https://x.example', secret_env: KEY, authorization_env: AUTH", KEY="k" * 16, AUTH="Token a"
    )
    hook = settings.webhooks["police"]
    assert (hook.secret(), hook.authorization()) == (b"k" * 16, "Token a")
    assert "k" * 16 not in settings.model_dump_json() + repr(settings)


def test_a_secret_of_standard_webhooks_is_decoded() -> None:
    text = "whsec_" + base64.b64encode(b"k" * 24).decode()
    assert hooked("url: 'https://x.example', secret_env: KEY", KEY=text).webhooks["police"].secret() == b"k" * 24


@pytest.mark.parametrize(
    ("environ", "want"),
    [
        ({}, "KEY is not set in the environment"),
        ({"KEY": "short"}, "KEY holds fewer than 16 bytes: try `openssl rand -hex 32`"),
        ({"KEY": "whsec_???"}, "KEY: what follows whsec_ is not base64"),
    ],
)
def test_a_secret_that_is_none_is_told_by_its_variable(environ: dict[str, str], want: str) -> None:
    hook: Webhook = hooked("url: 'https://x.example', secret_env: KEY", **environ).webhooks["police"]
    with pytest.raises(ValueError, match="KEY") as caught:
        hook.secret()
    assert str(caught.value) == want


@pytest.mark.parametrize(
    ("camera", "want"), [("gate-north_1", "gate-north_1"), ("gate/+#", "gate____7"), ("Brücke 1", "Br_cke_1_7")]
)
def test_a_camera_has_a_topic_of_its_own(camera: str, want: str) -> None:
    assert topic_name(7, camera) == want


def test_home_assistant_is_told_of_three_sensors_of_a_camera() -> None:
    told = discovery(MqttSettings(host="x", prefix="toll"), 7, "gate north")
    assert list(told) == [
        f"homeassistant/sensor/anpr_gate_north_7/{what}/config" for what in ("verdict", "passings", "suspects")
    ]
    assert {one["availability_topic"] for one in told.values()} == {"toll/status"}
    assert len({one["unique_id"] for one in told.values()}) == 3
    verdict, passings, _ = told.values()
    assert (verdict["state_topic"], verdict["json_attributes_topic"]) == ("toll/gate_north_7/verdict",) * 2
    assert passings["value_template"] == "{{ value_json.passings }}"
    assert discovery(MqttSettings(host="x", discovery_prefix=""), 7, "gate") == {}
