"""What every page has: its frame, who looks at it, and how values are written."""

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from anpr.tones import tone_of, words_of
from anpr.types import VerdictStatus
from anpr.vignettes import ZONES
from api import access
from api.dashboard import characters, looks
from api.held import Held
from storage import keys
from storage.keys import Principal


def render(request: Request, template: str, held: Held, *, status: int = 200, **values: Any) -> HTMLResponse:
    """A page for whoever asks for it; `values` are for its template."""
    who: Principal | None = request.scope.get("anpr.who")
    token = access.session_token(request.headers)
    frame = {
        "who": who,
        "may_work": who is not None and who.role in access.WORKING,
        "csrf": keys.csrf_token(token) if token else "",
        "path": request.url.path,
        "zone": zone_of(held),
        "now": datetime.now(UTC),
    }
    return HTMLResponse(environment(frame["zone"]).get_template(template).render(frame | values), status_code=status)


def zone_of(held: Held) -> str:
    """The zone in which the pages tell times (IANA): that of the toll country, by which cars are judged."""
    return ZONES.get(held.settings.defaults.toll_country, "UTC")


@cache
def environment(zone: str) -> Environment:
    """The templates, with what writes values for people."""
    made = Environment(
        loader=PackageLoader("api", "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    made.filters |= {
        "number": lambda count: f"{count:,}".replace(",", "\u202f"),
        "percent": percent,
        "moment": lambda at: moment(at, zone),
        "ago": ago,
        "period": period,
        "after": after,
        "tone": lambda verdict: tone_of(None if verdict is None else VerdictStatus(verdict)),
        "words": lambda verdict: words_of(None if verdict is None else VerdictStatus(verdict)),
        "sign": looks.sign,
        "country": looks.country_of,
        "written": looks.written,
        "groups": looks.groups,
        "spelled": looks.spelled,
        "characters": characters.characters,
    }
    made.globals |= {
        "signs": looks.SIGNS,
        "statuses": list(VerdictStatus),
        "labels": {one.value: words_of(one) for one in VerdictStatus},
    }
    return made


def moment(at: datetime, zone: str) -> Markup:
    """A moment as people there read it, with what programs read."""
    local = at.astimezone(ZoneInfo(zone))
    return Markup('<time datetime="{}">{}</time>').format(
        at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"), f"{local:%Y-%m-%d %H:%M:%S}"
    )


def period(start: datetime, end: datetime, toll_country: str) -> str:
    """A liability period [start, end) by its days in that country."""
    zone = ZoneInfo(ZONES.get(toll_country, "UTC"))
    first, last = start.astimezone(zone).date(), (end.astimezone(zone) - timedelta(microseconds=1)).date()
    return f"{first}" if first == last else f"{first} to {last}"


def after(at: datetime, first: datetime) -> Markup:
    """How long after another moment something was, with what programs read."""
    return Markup('<time datetime="{}">+{:.1f}\u202fs</time>').format(
        at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"), (at - first).total_seconds()
    )


def percent(share: float) -> str:
    """Never 100 % for what is less, never 0 % for what is more."""
    if 0 < share < 0.001:
        return "< 0.1 %"
    if 0.999 < share < 1:
        return "> 99.9 %"
    return f"{share * 100:.3g} %"


def ago(seconds: float) -> str:
    """A length of time in its two largest units."""
    whole = max(0, int(seconds))
    days, hours, minutes = whole // 86400, whole // 3600 % 24, whole // 60 % 60
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {whole % 60} s" if minutes else f"{whole} s"
