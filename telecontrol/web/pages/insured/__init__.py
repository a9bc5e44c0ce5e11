"""Pages of the insured: the gate, their one page in every state, their answers, the call (`EXPERIENCE.md`, the insured)."""

from __future__ import annotations

from fastapi import APIRouter

from telecontrol.web.pages.insured import answers, calendar, gate, home, join, proofs, survey

pages = APIRouter()
for _part in (gate, home, answers, join, calendar, proofs, survey):
    pages.include_router(_part.pages)
