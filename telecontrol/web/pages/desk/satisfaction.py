"""What the insured think of video appointments: head counts alone, for the desk and for administrators."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from telecontrol.insights.satisfaction import SMALLEST, periods
from telecontrol.web import paths
from telecontrol.web.dependencies import NowDep, ReadingDep, RuntimeDep
from telecontrol.web.i18n import mark
from telecontrol.web.pages.admin.frame import AdminDep, admin_page
from telecontrol.web.pages.desk.frame import desk_page
from telecontrol.web.staff_door import HandlerDep, Staff

pages = APIRouter()

_TEMPLATE = "staff/desk/satisfaction.html"
_NAMES = {
    "yes": mark("Favorables à un autre contrôle par vidéo"),
    "no": mark("Pas favorables"),
    "no_opinion": mark("Sans avis"),
    "good": mark("Bien ou très bien (4 ou 5)"),
    "fair": mark("Moyennement (3)"),
    "poor": mark("Mal ou très mal (1 ou 2)"),
}


@pages.get(paths.DESK_SATISFACTION)
async def for_the_desk(
    request: Request, runtime: RuntimeDep, staff: HandlerDep, session: ReadingDep, now: NowDep
) -> Response:
    values = await _values(session, staff, now=now)
    return await desk_page(request, runtime, session, staff, _TEMPLATE, place="satisfaction", now=now, **values)


@pages.get(paths.ADMIN_SATISFACTION)
async def for_administrators(
    request: Request, runtime: RuntimeDep, admin: AdminDep, session: ReadingDep, now: NowDep
) -> Response:
    values = await _values(session, admin, now=now)
    return admin_page(request, runtime, admin, _TEMPLATE, place="satisfaction", now=now, **values)


async def _values(session: AsyncSession, staff: Staff, *, now: datetime) -> dict[str, Any]:
    told = await periods(session, staff.viewer, now=now)
    return {
        "periods": told.periods,
        "waiting": [str(each) for each in told.waiting],
        "smallest": SMALLEST,
        "names": _NAMES,
    }
