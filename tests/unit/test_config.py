import pytest

from anpr.config import Settings, parse
from anpr.errors import BadConfig


def parsed(text: str, **environ: str) -> Settings:
    return parse(text, where="anpr.yaml", environ=environ)


def refused(text: str, **environ: str) -> str:
    with pytest.raises(BadConfig) as caught:
        parsed(text, **environ)
    return str(caught.value)


def test_an_empty_file_gives_the_defaults_and_the_servers_of_the_environment() -> None:
    got = parsed("", DATABASE_URL="postgresql://db/anpr", REDIS_URL="redis://queue")
    assert (got.database_url, got.redis_url) == ("postgresql://db/anpr", "redis://queue")
    assert got.queue.max_frames == 128


def test_a_camera_takes_the_defaults_it_does_not_set() -> None:
    got = parsed("defaults: {fps: 3, toll_country: at}\ncameras: {a: {url: x}, b: {url: y, fps: 10}}")
    assert [(one.fps, one.toll_country) for one in got.cameras.values()] == [(3, "AT"), (10, "AT")]


def test_a_secret_comes_from_the_environment() -> None:
    got = parsed("cameras: {gate: {url: 'rtsp://u:${GATE_PASSWORD}@host/1'}}", GATE_PASSWORD="s3")
    assert got.cameras["gate"].url == "rtsp://u:s3@host/1"


def test_two_dollars_are_one_that_means_nothing() -> None:
    assert parsed("cameras: {gate: {url: 'rtsp://u:$${X}@host/1'}}").cameras["gate"].url == "rtsp://u:${X}@host/1"


def test_a_secret_that_is_not_set_is_named() -> None:
    assert refused("cameras: {gate: {url: '${NOPE}'}}") == "anpr.yaml: ${NOPE} is not set in the environment"


def test_a_typo_is_named_with_its_path_and_what_was_meant() -> None:
    assert refused("cameras: {gate: {url: x, fsp: 3}}") == (
        "anpr.yaml: unknown key `cameras.gate.fsp` (did you mean `fps`?)"
    )
    assert refused("detect: {treshold: 0.5}") == (
        "anpr.yaml: unknown key `detect.treshold` (did you mean `threshold`?)"
    )


def test_a_value_out_of_range_is_named_with_its_path() -> None:
    assert refused("cameras: {gate: {url: x, fps: 0}}") == (
        "anpr.yaml: `cameras.gate.fps`: Input should be greater than 0"
    )


def test_an_unknown_toll_country_gets_the_known_ones() -> None:
    assert "unknown toll country 'XX'; known are AT, BG," in refused("defaults: {toll_country: XX}")


def test_a_time_without_a_zone_is_refused() -> None:
    assert "`cameras.a.start`: Input should have timezone info" in refused(
        "cameras: {a: {url: x, start: '2026-05-01T08:00'}}"
    )


def test_broken_yaml_is_told_with_its_line() -> None:
    assert refused("cameras:\n  a: [").startswith("anpr.yaml, line 2: not valid YAML:")


def test_a_list_is_no_settings() -> None:
    assert refused("[1]") == "anpr.yaml: must hold settings by name, such as `cameras:`"


def test_a_batch_that_never_fills_is_refused() -> None:
    assert refused("queue: {batch: 64, max_frames: 8}") == (
        "anpr.yaml: `queue`: a batch of 64 frames never fills where only 8 may wait (max_frames)"
    )
    assert parsed("queue: {batch: 8, max_frames: 8}").queue.batch == 8
