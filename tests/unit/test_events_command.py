"""What `anpr events` refuses before it asks any database."""

import pytest
from commands import run

from anpr.errors import BadInput
from cli.events import events


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--match", "prefix"), "--match says how a plate is looked for, but there is no --plate"),
        (("--since", "2026-05-02", "--until", "2026-05-01"), "--since is later than --until"),
    ],
)
def test_a_search_that_can_find_nothing_is_refused(words: tuple[str, ...], why: str) -> None:
    ran = run(events, *words)
    assert isinstance(ran.error, BadInput)
    assert str(ran.error) == why
