"""Pages of the insured: the gate, their one page in every state, their answers, the call (`EXPERIENCE.md`, the insured)."""

from __future__ import annotations

from fastapi import APIRouter

from telecontrol.web.pages.insured import (
    answers,
    calendar,
    code,
    gate,
    home,
    join,
    preparing,
    proofs,
    survey,
    testing,
)

pages = APIRouter()
for _part in (gate, code, home, answers, preparing, testing, join, calendar, proofs, survey):
    pages.include_router(_part.pages)
