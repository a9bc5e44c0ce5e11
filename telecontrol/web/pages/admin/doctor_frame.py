"""What the three pages of one doctor share: the tabs, and what keeps the doctor from being offered."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from telecontrol.controls.models import Doctor
from telecontrol.controls.requests import legal_today
from telecontrol.scheduling.doctor_search import line_of
from telecontrol.web import paths
from telecontrol.web.dependencies import RuntimeDep
from telecontrol.web.pages.admin.frame import admin_page, translator_of
from telecontrol.web.staff_door import Staff


async def doctor_page(
    request: Request,
    runtime: RuntimeDep,
    staff: Staff,
    session: AsyncSession,
    doctor: Doctor,
    template: str,
    *,
    tab: str,
    now: datetime,
    status: int = 200,
    **context: Any,
) -> Response:
    """Render a page of one doctor; `tab`: nothing, approvals or agenda."""
    language = translator_of(request, staff)
    line = await line_of(session, doctor, today=legal_today(now))
    base = paths.admin(paths.ADMIN_DOCTORS, str(doctor.id))
    names = {"": language.t("Fiche"), "approvals": language.t("Agréments"), "agenda": language.t("Agenda")}
    return admin_page(
        request,
        runtime,
        staff,
        template,
        place="doctors",
        now=now,
        status=status,
        doctor=doctor,
        lacks=[str(each) for each in line.lacks],
        tabs=[
            {"href": f"{base}/{code}" if code else base, "name": name, "is_current": code == tab}
            for code, name in names.items()
        ],
        base=base,
        **context,
    )
