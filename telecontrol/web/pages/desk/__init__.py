"""The desk: what needs a human now, a control's whole story, booking in a few clicks."""

from __future__ import annotations

from fastapi import APIRouter

from telecontrol.web.pages.desk import appointments, booking, control, decisions, home, importing, satisfaction

pages = APIRouter()
for module in (home, control, booking, decisions, appointments, importing, satisfaction):
    pages.include_router(module.pages)
