"""The day's appointments of every doctor, as the desk follows them."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from telecontrol.scheduling.queries import appointments_between
from telecontrol.video.waiting import who_waits
from telecontrol.web import paths
from telecontrol.web.dependencies import NowDep, ReadingDep, RuntimeDep
from telecontrol.web.pages.desk.frame import desk_page
from telecontrol.web.staff_door import HandlerDep

pages = APIRouter()
ZONE = "Europe/Paris"


@pages.get(paths.DESK_APPOINTMENTS)
async def day(
    request: Request,
    runtime: RuntimeDep,
    staff: HandlerDep,
    session: ReadingDep,
    now: NowDep,
    on: Annotated[date | None, Query()] = None,
) -> Response:
    zone = ZoneInfo(ZONE)
    on = on or now.astimezone(zone).date()
    begins = datetime.combine(on, time(0), tzinfo=zone).astimezone(UTC)
    ends = datetime.combine(on + timedelta(days=1), time(0), tzinfo=zone).astimezone(UTC)
    rows = await appointments_between(session, staff.viewer, begins, ends)
    waiting = await who_waits(session, [row.id for row in rows], now=now)
    return await desk_page(
        request,
        runtime,
        session,
        staff,
        "staff/desk/appointments.html",
        place="appointments",
        now=now,
        on=on,
        before=on - timedelta(days=1),
        after=on + timedelta(days=1),
        zone=ZONE,
        rows=[{"appointment": row, "waiting": waiting.get(row.id)} for row in rows],
    )
