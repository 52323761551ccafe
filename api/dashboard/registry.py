"""The vignette lists, how old they are, and the import of new ones."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from anpr.vignettes import ZONES
from api.access import LOOKING, allow
from api.dashboard import page
from api.held import HeldHere
from storage import snapshots

SHOWN = 100
router = APIRouter(include_in_schema=False, dependencies=[allow(*LOOKING)])


@router.get("/registry", response_class=HTMLResponse)
def registry_page(request: Request, held: HeldHere) -> Any:
    """The lists that there are, each country's latest first; admins can import one."""
    with held.reading() as conn:
        found = snapshots.snapshots(conn, limit=SHOWN)
    return page.render(
        request,
        "registry.html.j2",
        held,
        snapshots=found,
        countries=sorted(ZONES),
        home=held.settings.defaults.toll_country,
        oldest_h=held.settings.check.registry_max_age_h,
        most_mb=held.settings.api.list_mb,
    )
