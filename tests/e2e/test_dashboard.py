"""The dashboard in a real browser, on a real server with a day of traffic."""

import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import servers
from accessibility import COLOURS, failings, tab_through
from api_server import a_key, held_for, serving
from browser import chromium
from fonts import some_fonts
from playwright.sync_api import Browser, Page, expect
from road import Road, fill

from anpr import grouping
from anpr.types import VerdictStatus
from api.dashboard import looks
from models.render.fonts import Fonts
from storage import cases, corrections, plate_events, snapshots, vignettes
from storage.db import Database
from storage.keys import Role

CARS = 60  # so that a search has two pages
PAGES = ("/", "/events", "/review", "/cameras", "/charts", "/registry")
PHONE, DESK = {"width": 390, "height": 844}, {"width": 1280, "height": 800}
Open = Callable[..., Page]


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A running server, what it shows, and keys for it."""

    address: str
    url: str  # of the database
    database: Database
    road: Road
    events: list[int]
    keys: dict[str, str]
    files: Path


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as one:
        yield one


@pytest.fixture(scope="module")
def site(
    running_servers: servers.TestServers, migrated_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    directory = tmp_path_factory.mktemp("dashboard")
    fonts = Fonts.load(some_fonts(tmp_path_factory.mktemp("fonts"), "DejaVuSans-Bold"))
    with running_servers.fresh_database(migrated_template) as url:
        database = Database(url)
        road = Road(database=database, evidence_dir=directory / "evidence", fonts=fonts)
        events = fill(road, now=datetime.now(UTC), cars=CARS, pictured=3)
        roles = {"vic": Role.VIEWER, "ann": Role.REVIEWER, "bob": Role.REVIEWER, "ada": Role.ADMIN}
        keys = {name: a_key(database, role, name) for name, role in roles.items()}
        with held_for(url, evidence_dir=road.evidence_dir, rate_per_min=100_000) as held, serving(held) as address:
            yield Site(
                address=address, url=url, database=database, road=road, events=events, keys=keys, files=directory
            )
        database.close()
    shutil.rmtree(directory)


@dataclass(slots=True)
class Heard:
    """What a browser's console said that is wrong."""

    said: list[str] = field(default_factory=list)

    def listen(self, page: Page) -> None:
        page.on("console", lambda one: self.said.append(one.text) if one.type in ("error", "warning") else None)
        page.on("pageerror", lambda one: self.said.append(str(one)))


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def opened(browser: Browser, site: Site, heard: Heard) -> Iterator[Open]:
    """Opens a page as somebody who has logged in; at the end no console may have complained."""
    contexts = []

    def open_page(who: str, path: str = "/", *, viewport: dict[str, int] = DESK) -> Page:
        context = browser.new_context(base_url=site.address, viewport=viewport)
        contexts.append(context)
        said = context.request.post("/api/session", data={"key": site.keys[who]})
        assert said.status == 201
        page = context.new_page()
        page.set_default_timeout(10_000)
        heard.listen(page)
        page.goto(path)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert heard.said == []


def plate_of(site: Site, event_id: int) -> str:
    with site.database.transaction() as conn:
        row = plate_events.get(conn, event_id)
    assert row is not None
    return row.event.plate


def test_who_has_a_key_logs_in_and_out_again(browser: Browser, site: Site) -> None:
    page = browser.new_page(base_url=site.address)
    page.goto("/cameras")
    assert urlsplit(page.url).path == "/login"
    page.get_by_label("Your key").fill("anpr_wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_have_text("That key is not known, or was revoked.")
    page.get_by_label("Your key").fill(site.keys["vic"])
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Cameras")
    page.get_by_role("button", name="Log out").click()
    page.wait_for_url("**/login")
    page.goto("/")
    assert urlsplit(page.url).path == "/login"
    page.close()


def test_a_car_appears_within_two_seconds_of_its_event(site: Site, opened: Open) -> None:
    page = opened("vic")
    expect(page.locator("#state")).to_have_text("live")
    took_s = []
    for _ in range(3):  # this machine may have other things to do now and then
        text = site.road.plate("DE")
        event_id = site.road.passing(text, camera="gate-north", at=datetime.now(UTC), status=VerdictStatus.SUSPECT)
        began = time.monotonic()
        car = page.locator(f'#cars [data-id="{event_id}"]')
        car.wait_for()
        took_s.append(time.monotonic() - began)
        assert took_s[-1] < 5
        expect(page.locator("#cars > li").first).to_have_attribute("data-id", str(event_id))
        expect(car.locator(".plate")).to_have_attribute("data-country", "DE")
        expect(car.locator(".band")).to_have_text("D")
        expect(car.locator(".text")).to_have_text(text.text)
        expect(car.locator(".verdict")).to_have_text("SUSPECT")
        expect(car.locator('[data-slot="camera"]')).to_have_text("gate-north")
        expect(page.locator("#news")).to_contain_text(looks.spelled(grouping.grouped(text.text, "DE"), "DE"))
        expect(car.locator("img")).not_to_have_js_property("naturalWidth", 0)
    assert min(took_s) < 2


def test_a_plate_is_parted_as_its_country_does_by_script_and_server_alike_and_copied_without(
    site: Site, opened: Open
) -> None:
    page = opened("vic")
    expect(page.locator("#state")).to_have_text("live")
    for country in ("CZ", "FR"):
        text = site.road.plate(country)
        event_id = site.road.passing(text, camera="gate-north", at=datetime.now(UTC), with_pictures=False)
        plate = page.locator(f'#cars [data-id="{event_id}"] .plate')
        plate.wait_for()
        by_script = plate.locator("b").evaluate_all("all => all.map(one => [one.className, one.textContent])")
        label = plate.get_attribute("aria-label")
        page.reload()
        assert plate.locator("b").evaluate_all("all => all.map(one => [one.className, one.textContent])") == by_script
        assert plate.get_attribute("aria-label") == label
        written = grouping.grouped(text.text, country)
        assert "".join({"": "", "gap": " ", "dash": "-"}[name] + letters for name, letters in by_script) == written
        assert label == looks.spelled(written, country)
        copied = "one => (getSelection().selectAllChildren(one), getSelection().toString())"
        assert plate.locator(".text").evaluate(copied) == text.text


def test_the_live_view_says_that_the_database_is_away_and_goes_on_when_it_is_back(
    running_servers: servers.TestServers, site: Site, opened: Open
) -> None:
    page = opened("vic")
    expect(page.locator("#state")).to_have_text("live")
    with running_servers.closed(site.url):
        expect(page.locator("#state")).to_have_text("database away, waiting…")
    expect(page.locator("#state")).to_have_text("live", timeout=10_000)


def test_cars_that_come_while_the_view_is_paused_are_shown_afterwards(site: Site, opened: Open) -> None:
    page = opened("vic")
    expect(page.locator("#state")).to_have_text("live")
    page.get_by_role("button", name="Pause").click()
    event_id = site.road.passing(site.road.plate("CZ"), camera="gate-south", at=datetime.now(UTC), with_pictures=False)
    button = page.get_by_role("button", name="more")
    button.wait_for()
    assert page.locator(f'[data-id="{event_id}"]').count() == 0
    button.click()
    page.locator(f'[data-id="{event_id}"]').wait_for()


def test_a_search_keeps_its_filters_in_the_address_and_is_recorded(site: Site, opened: Open) -> None:
    wanted = plate_of(site, site.events[0])
    page = opened("vic", "/events")
    page.get_by_label("Plate", exact=True).fill(wanted.lower())
    page.get_by_label("How").select_option("fuzzy")
    page.get_by_label("Why you search").fill("case 7")
    page.locator("summary").get_by_text("Verdicts").click()
    page.get_by_label("VALID", exact=True).check()
    page.keyboard.press("Enter")
    page.wait_for_url("**/events?**")
    query = parse_qs(urlsplit(page.url).query)
    assert query == {"plate": [wanted.lower()], "match": ["fuzzy"], "reason": ["case 7"], "verdict": ["VALID"]}
    expect(page.locator(".rows .text")).to_have_text([wanted])
    assert page.get_by_label("Plate", exact=True).input_value() == wanted.lower()
    assert page.get_by_label("VALID", exact=True).is_checked()
    with site.database.transaction() as conn:
        recorded = conn.execute("select who, plate, reason from plate_searches order by id desc limit 1").fetchone()
    assert recorded == ("vic", wanted, "case 7")
    csv = page.get_by_role("link", name="CSV").get_attribute("href")
    assert parse_qs(urlsplit(csv or "").query)["limit"] == ["1000"]
    assert wanted in page.request.get(csv or "").text()
    page.locator(".rows a").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Event {site.events[0]}")


def test_older_pages_go_on_where_a_page_ends(opened: Open) -> None:
    page = opened("vic", "/events?camera=gate-north&camera=gate-south")
    first = page.locator(".rows a").evaluate_all("links => links.map(link => link.href)")
    page.get_by_role("link", name="Older").click()
    page.get_by_role("link", name="Newest").wait_for()
    second = page.locator(".rows a").evaluate_all("links => links.map(link => link.href)")
    assert len(first) == 50
    assert second
    assert not set(first) & set(second)
    page.get_by_role("link", name="Newest").click()
    expect(page.locator(".rows li")).to_have_count(50)


def test_a_search_that_is_none_says_what_is_wrong_and_keeps_what_was_written(opened: Open, heard: Heard) -> None:
    page = opened("vic", "/events?plate=*&from=2026-05-01T08:00&camera=gate-north")
    expect(page.get_by_role("alert")).to_contain_text("plate: ")
    assert page.get_by_label("From").input_value() == "2026-05-01T08:00"
    page.goto("/events?verdict=PERHAPS")
    expect(page.get_by_role("alert")).to_contain_text("verdict: is one of VALID")
    page.goto("/events?from=2026-05-02T08:00&to=2026-05-01T08:00")
    expect(page.get_by_role("alert")).to_contain_text("from, to: must be in this order")
    assert len(heard.said) == 3  # the browser tells of each answer that is 422
    heard.said.clear()
    page.goto("/events?plate=ZZZ9999")
    expect(page.get_by_role("heading", level=2)).to_have_text("Nothing found")


def test_a_reviewer_corrects_a_plate_and_withdraws_it(site: Site, opened: Open) -> None:
    event_id = site.events[1]
    page = opened("ann", f"/events/{event_id}")
    read = plate_of(site, event_id)
    page.get_by_label("The plate is").fill("1ab 2345")
    page.get_by_label("Why", exact=True).fill("the 8 is a B")
    page.get_by_role("button", name="Correct").click()
    expect(page.locator(".plate.large .text")).to_have_text("1AB2345")
    expect(page.get_by_text("Judged before the plate or its reads changed last.")).to_be_visible()
    expect(page.locator(".pairs")).to_contain_text(read)
    page.get_by_label("Why the correction is wrong").fill("it was right")
    page.get_by_role("button", name="Withdraw").click()
    expect(page.locator(".plate.large .text")).to_have_text(read)
    with site.database.transaction() as conn:
        said = corrections.of_event(conn, event_id)
    assert [(one.who, one.plate) for one in said] == [("ann", "1AB2345"), ("ann", None)]


def test_what_is_no_plate_is_refused_where_it_was_written(site: Site, opened: Open, heard: Heard) -> None:
    page = opened("ann", f"/events/{site.events[1]}")
    page.get_by_label("The plate is").fill("--")
    page.get_by_label("Why", exact=True).fill("look")
    page.get_by_role("button", name="Correct").click()
    expect(page.get_by_role("alert")).to_contain_text("is no plate")
    assert page.get_by_label("The plate is").input_value() == "--"
    assert len(heard.said) == 1
    heard.said.clear()


def test_each_character_of_a_read_says_how_sure_it_is(site: Site, opened: Open) -> None:
    page = opened("vic", f"/events/{site.events[0]}")
    row = page.locator(".characters").first
    assert "".join(row.locator("b").all_inner_texts()) == plate_of(site, site.events[0])
    shares = [int(text) for text in row.locator("small").all_inner_texts()]
    assert shares[0] == max(shares)
    assert shares[-1] < shares[0]


def test_two_people_review_a_case_by_keys_and_neither_sees_the_plate_or_the_other(site: Site, opened: Open) -> None:
    event_id = site.events[2]
    plate = plate_of(site, event_id)
    for who, told in (("ann", "a second person is asked"), ("bob", "confirmed")):
        page = opened(who, "/review")
        case = page.locator(".case")
        expect(case).to_be_focused()
        expect(case.locator("img")).to_have_count(3)
        for picture in case.locator("img").all():
            expect(picture).not_to_have_js_property("naturalWidth", 0)
        assert plate not in page.content()
        page.keyboard.press("c")
        expect(page.get_by_label("The pictures show this plate")).to_be_focused()
        page.keyboard.type(plate.lower())
        page.keyboard.press("Enter")
        expect(page.locator("#state")).to_contain_text(told)
        expect(page.locator("#none")).to_be_visible()
    with site.database.transaction() as conn:
        found = cases.find(conn, cases.CaseFilter(), limit=1)
    assert found[0].state == "confirmed"


def test_without_scripts_everything_can_be_read(browser: Browser, site: Site) -> None:
    page = browser.new_page(base_url=site.address, java_script_enabled=False)
    page.goto("/events")
    page.get_by_label("Your key").fill(site.keys["ann"])
    page.keyboard.press("Enter")
    page.get_by_label("Plate", exact=True).fill(plate_of(site, site.events[0]))
    page.keyboard.press("Enter")
    page.locator(".rows a").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Event {site.events[0]}")
    expect(page.locator("noscript > .told")).to_contain_text("This takes JavaScript.")
    page.goto("/")
    expect(page.locator("#state")).to_contain_text("as of ")
    page.goto("/review")
    expect(page.locator("noscript > .told")).to_contain_text("anpr review next does without.")
    expect(page.get_by_role("button", name="Ask for a case")).to_be_hidden()
    page.close()


def test_after_an_overturned_case_the_next_one_comes(site: Site, opened: Open) -> None:
    numbers = []
    for _ in range(2):
        at = datetime.now(UTC)
        event_id = site.road.passing(
            site.road.plate("SK"), camera="gate-north", at=at, status=VerdictStatus.SUSPECT, with_pictures=False
        )
        numbers.append(site.road.case(event_id))
    page = opened("ann", "/review")
    for number in numbers:
        expect(page.locator(f'.case[data-case="{number}"]')).to_be_focused()
        page.keyboard.press("o")
        page.keyboard.type("a trailer")
        page.keyboard.press("Enter")
    expect(page.locator("#none")).to_be_visible()
    expect(page.get_by_role("button", name="Ask for a case")).to_be_focused()


def test_a_viewer_is_offered_nothing_that_a_viewer_may_not_do(site: Site, opened: Open, heard: Heard) -> None:
    page = opened("vic", f"/events/{site.events[0]}")
    assert page.get_by_role("link", name="Review").count() == 0
    assert page.get_by_text("Correct the plate").count() == 0
    page.goto("/registry")
    assert page.get_by_text("Import a list").count() == 0
    page.goto("/review")
    expect(page.get_by_role("heading", level=1)).to_have_text("Forbidden")
    page.goto("/events/999999")
    expect(page.get_by_role("alert")).to_contain_text("There is no event 999999.")
    assert len(heard.said) == 2
    heard.said.clear()


def test_an_admin_imports_a_list_and_sees_what_is_wrong_with_another(site: Site, opened: Open) -> None:
    head = "toll_country,plate,kind,valid_from,valid_to\n"
    right, wrong = site.files / "new.csv", site.files / "wrong.csv"
    rows = "".join(f"CZ,{n}A23456,year,2026-01-01,2026-12-31\n" for n in range(1, 8))
    right.write_text(head + rows)
    wrong.write_text(f"{head}CZ,1A23456,year,2026-12-31,2026-01-01\n")
    page = opened("ada", "/registry")
    button = page.get_by_role("button", name="Import")
    with site.database.transaction() as conn:
        before = snapshots.snapshots(conn, limit=100)
        vignettes.lock(conn, "CZ")
        page.get_by_label("CSV or JSON").set_input_files(right)
        button.press("Enter")
        expect(page.locator("#step")).to_contain_text("Waiting until another import for this country has ended")
        expect(page.locator("#news")).to_contain_text("Waiting")
        expect(page.get_by_role("progressbar")).to_be_visible()
        assert failings(page) == []
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(page.locator("#wrong")).to_contain_text("Stopped.")
        expect(button).to_be_focused()
        page.request.get("/healthz")
    button.press("Enter")
    expect(page.locator("#done")).to_contain_text("imported 7 vignettes for CZ")
    expect(page.locator("tbody tr").first.get_by_role("cell").nth(2)).to_have_text("7")
    with site.database.transaction() as conn:
        newest, *others = snapshots.snapshots(conn, limit=100)
    assert (newest.vignettes, newest.is_in_force) == (7, True)
    assert [one.id for one in others] == [one.id for one in before]
    page.get_by_label("CSV or JSON").set_input_files(wrong)
    button.click()
    expect(page.locator("#wrong")).to_contain_text("line 2")
    expect(page.locator("#done")).to_be_hidden()


def test_cameras_and_charts_show_what_the_api_says(opened: Open) -> None:
    page = opened("vic", "/cameras")
    counted = page.request.get("/api/cameras").json()["cameras"]
    assert page.locator(".cameras h2").all_inner_texts() == [one["name"] for one in counted]
    north = page.locator(".cameras > li").filter(has_text="gate-north")
    widths = north.locator(".bar rect").evaluate_all("bars => bars.map(bar => Number(bar.getAttribute('width')))")
    assert sum(widths) == pytest.approx(100)
    page.goto("/charts?span=3d&camera=gate-north")
    events = sum(
        one["events"] for one in page.request.get("/api/stats", params={"camera": "gate-north"}).json()["counts"]
    )
    assert page.locator("#passings + p").inner_text() == f"{events} in all"
    assert page.locator(".chart svg").count() == 3


def test_every_page_can_be_read_and_used_by_everybody(site: Site, opened: Open) -> None:
    page = opened("ada")
    for path in (*PAGES, f"/events/{site.events[0]}"):
        page.goto(path)
        assert failings(page) == [], path
        page.set_viewport_size(PHONE)
        assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"], path
        assert failings(page) == [], path
        page.set_viewport_size(DESK)
    page.context.clear_cookies()
    page.goto("/login")
    assert failings(page) == []


def test_every_page_can_be_read_in_the_dark(site: Site, opened: Open) -> None:
    page = opened("ada")
    page.emulate_media(color_scheme="dark")  # which changes colours alone
    for path in (*PAGES, f"/events/{site.events[0]}"):
        page.goto(path)
        assert failings(page, *COLOURS) == [], path
    page.context.clear_cookies()
    page.goto("/login")
    assert failings(page, *COLOURS) == []


def test_the_keyboard_comes_to_everything_and_one_sees_where_it_is(opened: Open) -> None:
    page = opened("ada", "/registry")
    passed = tab_through(page, most=60)
    assert 'class="skip"' in passed[0]
    wanted = page.locator("a, button, input, select").evaluate_all(
        "all => all.filter(one => one.checkVisibility()).map(one => one.outerHTML.slice(0, 120))"
    )
    assert set(wanted) <= set(passed)
    page.goto("/cameras")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()


def test_the_check_of_accessibility_finds_what_is_wrong(browser: Browser) -> None:
    page = browser.new_page()
    page.set_content(
        "<!doctype html><html><title>x</title><main><h1>x</h1><h3>y</h3><input><img src='data:,'><button></button>"
        "<p style='color: #999; background: #fff'>pale</p><table><th>x</table><nav>z</nav></main>"
    )
    found, colours = " ".join(failings(page)), failings(page, *COLOURS)
    page.close()
    assert [one.split(" ")[0] for one in colours] == ["color-contrast"]
    for wrong in ("html-has-lang", "label", "image-alt", "button-name", "heading-order", "color-contrast"):
        assert wrong in found
