"""The doctor's pages: today, the room of an appointment, its conclusion, the reports to sign, the agenda."""

from __future__ import annotations

from fastapi import APIRouter

from telecontrol.web.pages.doctor import agenda, conclusion, notes, reports, room, today

pages = APIRouter()
for _part in (today, room, notes, conclusion, reports, agenda):
    pages.include_router(_part.pages)
