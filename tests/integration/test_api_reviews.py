"""/api/reviews: two people answer a case, each without the plate and without the other's word."""

from collections.abc import Iterator

import pytest
from api_server import a_key, asking, held_for
from redis import Redis
from suspects import PLATE, a_list, a_passing, a_worker, settle

from storage.db import Database
from storage.keys import Role
from workers.process import Process


@pytest.fixture
def worker(database: Database, redis: Redis) -> Iterator[Process]:
    with a_worker(database, redis) as one:
        yield one


def test_a_case_is_confirmed_by_two_reviewers_who_read_the_plate_themselves(
    database: Database, database_url: str, worker: Process
) -> None:
    with database.transaction() as conn:
        a_list(conn)
        a_passing(conn, PLATE)
    settle(worker)
    one, other = ({"Authorization": f"Bearer {a_key(database, Role.REVIEWER, name)}"} for name in ("Jana", "Karel"))
    with held_for(database_url) as held, asking(held) as client:
        shown = client.post("/api/reviews/next", headers=one)
        assert (shown.status_code, PLATE in shown.text) == (200, False)
        case = f"/api/reviews/{shown.json()['case_id']}"
        assert client.post(case, json={"answer": "confirm"}, headers=one).status_code == 422
        unsaid = client.post(case, json={"answer": "overturn", "reason": " "}, headers=one)
        assert (unsaid.status_code, unsaid.json()["detail"]) == (422, "reason: say why the suspicion is wrong")
        confirm = {"answer": "confirm", "plate": PLATE}
        assert client.post(case, json=confirm, headers=other).status_code == 422  # it is not with them
        assert client.post(case, json=confirm, headers=one).json()["state"] == "in_review"
        assert client.post("/api/reviews/next", headers=one).status_code == 204
        assert client.post("/api/reviews/next", headers=other).status_code == 200
        assert client.post(case, json=confirm, headers=other).json()["state"] == "confirmed"


def test_a_case_that_there_is_not_is_not_found(database: Database, database_url: str) -> None:
    with held_for(database_url) as held, asking(held, a_key(database, Role.REVIEWER)) as client:
        answer = client.post("/api/reviews/99", json={"answer": "unreadable"})
    assert (answer.status_code, answer.json()["detail"]) == (404, "There is no case 99.")
