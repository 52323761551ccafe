"""The API keeps what its own description says, whatever it is asked."""

import jsonschema_rs
import pytest
import schemathesis
from api_server import a_key, an_event, held_for, serving
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api import app
from api.app import all_routes
from storage.db import Database

EXAMPLES = 6  # of a route; the whole takes seconds
FILES = {"multipart/form-data", "image/jpeg", "image/png", "image/webp"}
SKIPPED = {"/api/live"}  # never ends
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


def test_the_description_names_every_route_and_how_each_answers(database_url: str) -> None:
    with held_for(database_url) as held:
        schema = app.build(held).openapi()
    described = {(method.upper(), path) for path, one in schema["paths"].items() for method in one}
    assert described == {(m, route.path) for route in all_routes() if route.include_in_schema for m in route.methods}
    assert schema["openapi"].startswith("3.1")
    for path, operations in schema["paths"].items():
        for operation in operations.values():
            assert operation["description"], path
            assert {"401", "422", "503"} <= set(operation["responses"])
            kinds = [set(answer["content"]) for status, answer in operation["responses"].items() if status >= "400"]
            assert kinds == [{"application/problem+json"}] * len(kinds)


def test_every_parameter_body_and_answer_has_an_example_that_fits(database_url: str) -> None:
    with held_for(database_url) as held:
        schema = app.build(held).openapi()
    named = {"components": schema["components"]}
    for path, operations in schema["paths"].items():
        for operation in operations.values():
            for one in operation.get("parameters", []):
                jsonschema_rs.validate(one["schema"] | named, one["example"])
            for body in [operation.get("requestBody", {}), *operation["responses"].values()]:
                for kind, content in body.get("content", {}).items():
                    if kind not in FILES:
                        assert content["example"], (path, kind)
                        jsonschema_rs.validate(content["schema"] | named, content["example"])


@pytest.mark.timeout(300)  # a hundred and more requests on one slow, shared core
def test_no_request_makes_it_fail_or_answer_otherwise_than_described(database: Database, database_url: str) -> None:
    an_event(database)
    key = a_key(database)
    with held_for(database_url, rate_per_min=1_000_000) as held, serving(held) as address:
        described = schemathesis.openapi.from_dict(app.build(held).openapi())
        for found in described.get_all_operations():
            operation = found.ok()
            if operation.path not in SKIPPED:
                asked(operation, address, key)


def asked(operation: schemathesis.APIOperation, address: str, key: str) -> None:
    """Ask one route what its description allows."""

    @settings(
        max_examples=EXAMPLES,
        database=None,
        deadline=None,
        derandomize=True,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def holds(case: schemathesis.Case) -> None:
        answer = case.call(base_url=address, headers={"Authorization": f"Bearer {key}"}, timeout=60)
        case.validate_response(answer, checks=CHECKS)

    holds()
