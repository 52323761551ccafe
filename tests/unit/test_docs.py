"""The docs name every setting, command, option and column there is, and none that there is not."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from typer.main import get_command

from anpr.config import Camera, CameraDefaults, Settings, Webhook, parse
from api.forms import EVENT_COLUMNS
from cli.main import build
from models.spec import DetectorSpec, ReaderSpec

ROOT = Path(__file__).parents[2]
CODE = re.compile(r"`([^`]+)`")
TABLES = (
    "plate_events",
    "verdicts",
    "plate_reads",
    "corrections",
    "sessions",
    "erasures",
    "suspicions",
    "cases",
    "reviews",
    "case_changes",
    "plate_searches",
)


def doc(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def rows(text: str) -> Iterator[list[str]]:
    """The cells of each table row whose first cell holds code."""
    for line in text.splitlines():
        if line.startswith("| `"):
            yield [cell.strip() for cell in line.strip("|").split(" | ")]


def sections(text: str, level: str) -> dict[str, str]:
    """Heading in code → the text under it, up to the next heading of this level or above."""
    parts = re.split(rf"^(#{{2,{len(level)}}} .*)$", text, flags=re.MULTILINE)
    headed = zip(parts[1::2], parts[2::2], strict=True)
    return {CODE.findall(head)[0]: body for head, body in headed if head.startswith(f"{level} `")}


def settings() -> Iterator[tuple[str, FieldInfo]]:
    """Path and field of every setting; what a camera shares with `defaults` is named there alone."""
    for name, field in Settings.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from ((f"{name}.{inner}", one) for inner, one in kind.model_fields.items())
        else:
            yield name, field
    own = {name: field for name, field in Camera.model_fields.items() if name not in CameraDefaults.model_fields}
    yield from ((f"cameras.<name>.{name}", field) for name, field in own.items())
    yield from ((f"webhooks.<name>.{name}", field) for name, field in Webhook.model_fields.items())


def default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True, validated_data={})
    return f"`{value if isinstance(value, str) and value else json.dumps(value)}`"


def test_every_setting_is_documented_with_its_default_and_meaning() -> None:
    told = {CODE.findall(cells[0])[0]: cells for cells in rows(doc("docs/configuration.md")) if len(cells) == 4}
    fields = dict(settings())
    assert sorted(told) == sorted(fields)
    assert {path: cells[2] for path, cells in told.items()} == {path: default(field) for path, field in fields.items()}
    assert [path for path, field in fields.items() if (field.description or "?") not in told[path][3]] == []


def variables(command: Any) -> set[str]:
    own = {name for param in command.params for name in ([param.envvar] if isinstance(param.envvar, str) else [])}
    return own.union(*(variables(one) for one in getattr(command, "commands", {}).values()))


def test_every_variable_of_the_environment_is_documented() -> None:
    told = {CODE.findall(cells[0])[0] for cells in rows(doc("docs/configuration.md")) if len(cells) == 2}
    assert told == variables(get_command(build())) | {"DATABASE_URL", "REDIS_URL"}


def commands(command: Any, path: str) -> Iterator[tuple[str, set[str]]]:
    """Every command that does something with its options; --help goes without saying."""
    inner = getattr(command, "commands", {})
    options = {
        name
        for param in command.params
        if param.param_type_name == "option"
        for name in param.opts + param.secondary_opts
    }
    if not inner or options - {"--help"}:
        yield path, options - {"--help"}
    for name, one in inner.items():
        yield from commands(one, f"{path} {name}")


def test_every_command_and_option_is_documented() -> None:
    told = {
        command: {name for cells in rows(text) for name in CODE.findall(cells[0])}
        for command, text in sections(doc("docs/running.md"), "###").items()
    }
    assert told == dict(commands(get_command(build()), "anpr"))


def columns(table: str) -> set[str]:
    """The columns of a table after all migrations."""
    found: set[str] = set()
    for file in sorted((ROOT / "storage/migrations").glob("*.sql")):
        text = file.read_text(encoding="utf-8")
        for body in re.findall(rf"^create table {table} \((.*?)^\);", text, re.MULTILINE | re.DOTALL):
            names = re.findall(r"^    ([a-z_0-9]+) ", body, re.MULTILINE)
            found |= set(names) - {"primary", "foreign", "unique", "check", "constraint"}
        for body in re.findall(rf"^alter table {table}\b(.*?);", text, re.MULTILINE | re.DOTALL):
            found |= set(re.findall(r"add column (?:if not exists )?([a-z_0-9]+)", body))
            found -= set(re.findall(r"drop column (?:if exists )?([a-z_0-9]+)", body))
    return found


@pytest.mark.parametrize("table", TABLES)
def test_every_column_that_people_query_is_documented(table: str) -> None:
    text = sections(doc("docs/pipeline.md"), "###")[table]
    assert {name for cells in rows(text) for name in CODE.findall(cells[0])} == columns(table)


def test_the_columns_of_events_in_csv_are_documented() -> None:
    assert f"`{','.join(EVENT_COLUMNS)}`" in doc("docs/api.md")


def test_the_example_settings_are_right() -> None:
    found = parse(doc("anpr.example.yaml"), where="anpr.example.yaml", environ={})
    assert list(found.cameras) == ["recording"]


def test_the_example_settings_are_right_with_what_they_leave_out() -> None:
    whole = re.sub(r"^  # ", "  ", doc("anpr.example.yaml"), flags=re.MULTILINE)
    whole = whole.replace("  The name is what events are listed under.\n", "")
    found = parse(whole, where="anpr.example.yaml", environ={"GATE_NORTH_PASSWORD": "secret"})
    assert list(found.cameras) == ["recording", "gate-north"]
    assert found.cameras["gate-north"].motion == 0.002


PAGES = [
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    *sorted(f"docs/{p.name}" for p in (ROOT / "docs").glob("*.md")),
]


@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_links_to_is_there(page: str) -> None:
    links = [link for link in re.findall(r"\]\(([^)]+)\)", doc(page)) if "://" not in link]
    assert [link for link in links if not (ROOT / page).parent.joinpath(link.partition("#")[0]).exists()] == []


def blocks(page: str) -> Iterator[str]:
    """The command lines in a page that call anpr, as they stand in indented blocks or inline code."""
    for line in doc(page).splitlines():
        if line.startswith("    "):
            yield line.strip()
        yield from CODE.findall(line)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_names_only_commands_and_options_that_exist(page: str) -> None:
    known = dict(commands(get_command(build()), "anpr"))
    wrong: list[str] = []
    for line in blocks(page):
        found = re.match(r"(?:\S*/)?anpr ((?:[a-z][a-z-]* ?)+)(.*)", line)
        if found is None:
            continue
        words = found[1].split()
        longest_first = (f"anpr {' '.join(words[:count])}" for count in range(len(words), 0, -1))
        name = next((name for name in longest_first if name in known), None)
        options = set(re.findall(r"(?<=\s)--?[a-z][a-z-]*", line))
        if name is None or options - known[name] - known["anpr"]:
            wrong.append(line)
    assert wrong == []


def test_the_settings_and_specs_shown_for_models_are_right_and_whole() -> None:
    shown = re.findall(r"```yaml\n(.*?)```", doc("docs/models.md"), re.DOTALL)
    settings_part, detector, reader = (yaml.safe_load(block) for block in shown)
    assert Settings.model_validate(settings_part).detect.model == "/models/mine.tflite"
    assert DetectorSpec.model_validate(detector).model_fields_set == set(DetectorSpec.model_fields)
    assert ReaderSpec.model_validate(reader).model_fields_set == set(ReaderSpec.model_fields)
