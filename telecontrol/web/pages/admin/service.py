"""The state of the service: what is held back and why, and the administrator's word that the hour is right."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from telecontrol.clock import WatchedClock
from telecontrol.errors import NotFound
from telecontrol.outbox import holds
from telecontrol.web import paths
from telecontrol.web.dependencies import NowDep, ReadingDep, RuntimeDep, SessionDep
from telecontrol.web.i18n import mark
from telecontrol.web.pages.admin.frame import AdminDep, admin_page
from telecontrol.web.rendering import see_other

pages = APIRouter()
_CONFIRM = paths.admin(paths.ADMIN_SERVICE, "hour")

WHY = {
    "clock_was_set": mark(
        "L'horloge d'une machine a été réglée de plus d'une minute pendant que le service tournait. Tant que l'heure n'est pas sûre, aucun message ne part et aucun délai ne court."
    ),
    "clock_differs_from_database": mark(
        "L'horloge d'une machine et celle de la base de données diffèrent de plus d'une minute. Tant que l'heure n'est pas sûre, aucun message ne part et aucun délai ne court."
    ),
    "older_than_the_mark": mark(
        "La base de données est plus ancienne que ce que cette installation a déjà vu : une sauvegarde a été restaurée. Des messages ont pu partir entre-temps ; rien ne part avant que ce soit vérifié."
    ),
}


@pages.get(paths.ADMIN_SERVICE)
async def state(request: Request, runtime: RuntimeDep, admin: AdminDep, session: ReadingDep, now: NowDep) -> Response:
    clock = runtime.clock
    standing = [_shown(row.target, row.code, row.paused_at) for row in await holds.standing(session)]
    return admin_page(
        request,
        runtime,
        admin,
        "staff/admin/service.html",
        place="service",
        now=now,
        standing=standing,
        machine_at=clock.wall if isinstance(clock, WatchedClock) else now,
        action=_CONFIRM,
    )


@pages.post(_CONFIRM)
async def confirm_hour(
    request: Request,
    admin: AdminDep,
    session: SessionDep,
    now: NowDep,
    name: Annotated[str, Form(max_length=20)] = "",
    is_right: Annotated[str, Form(max_length=5)] = "",
) -> Response:
    if not is_right:
        return see_other(
            request, paths.ADMIN_SERVICE, tone="warning", text=mark("Cochez que l'heure affichée est juste.")
        )
    try:
        if name == holds.RESTORE:
            raise NotFound("a restored database is reconciled, not confirmed", code="no_hold")
        await holds.lift(session, name, outcome="hour_confirmed", now=now, actor=admin.actor)
    except NotFound:
        # Another administrator was quicker, or the clocks agree again.
        return see_other(request, paths.ADMIN_SERVICE, tone="info", text=mark("Rien n'est plus retenu de ce fait."))
    return see_other(request, paths.ADMIN_SERVICE, text=mark("L'heure est confirmée : les envois reprennent."))


def _shown(name: str, code: str, since: Any) -> dict[str, Any]:
    return {"name": name, "why": WHY[code], "since": since, "is_clock": name != holds.RESTORE}
