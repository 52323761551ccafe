"""An example of every body and parameter, put together from those of its fields."""

from typing import Any

_BY_FORMAT = {"date-time": "2026-05-01T08:00:00Z"}
_BY_TYPE: dict[str, Any] = {"integer": 1, "number": 0.97, "boolean": False}


def example_of(schema: dict[str, Any], schemas: dict[str, dict[str, Any]]) -> Any:
    """What a value of this JSON schema looks like; `schemas` are those that it names.

    A text needs an example of its own, as no program can think of one: raises KeyError where it has none.
    """
    given = [schema["const"]] if "const" in schema else schema.get("examples", schema.get("enum"))
    if given:
        return given[0]
    if "anyOf" in schema:
        return example_of(schema["anyOf"][0], schemas)
    if "$ref" in schema:
        return example_of(schemas[schema["$ref"].rpartition("/")[2]], schemas)
    match schema["type"]:
        case "object":
            return {name: example_of(one, schemas) for name, one in schema["properties"].items()}
        case "array":
            return [example_of(schema["items"], schemas)]
        case kind:
            return _BY_TYPE[kind] if kind in _BY_TYPE else _BY_FORMAT[schema["format"]]


def add_to(operation: dict[str, Any], schemas: dict[str, dict[str, Any]]) -> None:
    """Give each parameter, body and answer of an operation an example, where it has none and is no file."""
    bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
    for kind, content in ((kind, one) for body in bodies for kind, one in body.get("content", {}).items()):
        if kind.endswith("json") and "example" not in content:
            content["example"] = example_of(content["schema"], schemas)
    for one in operation.get("parameters", []):
        one["example"] = one["schema"].get("default") or example_of(one["schema"], schemas)
