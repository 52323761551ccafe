import pytest

from ingest.redact import redact


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("rtsp://joe:secret@cam.lan:554/live", "rtsp://***@cam.lan:554/live"),
        ("rtsp://joe:se/cr@et@cam.lan/live", "rtsp://***@cam.lan/live"),
        ("rtsps://joe@cam.lan/live", "rtsps://***@cam.lan/live"),
        ("http://cam/v.mjpg?token=abc&size=2", "http://cam/v.mjpg?token=***&size=2"),
        ("http://cam/v?usr=joe&pwd=x#f", "http://cam/v?usr=***&pwd=***#f"),
        ("http://cam/v?X-Amz-Signature=12ab", "http://cam/v?X-Amz-Signature=***"),
        (
            "Connection refused: 'rtsp://a:b@h/x' and 'rtsp://c:d@h/y'",
            "Connection refused: 'rtsp://***@h/x' and 'rtsp://***@h/y'",
        ),
        ("rtsp://cam.lan:554/live?channel=1", "rtsp://cam.lan:554/live?channel=1"),
        ("/data/clips/day.mp4", "/data/clips/day.mp4"),
    ],
)
def test_credentials_are_not_shown(text, want):
    assert redact(text) == want
