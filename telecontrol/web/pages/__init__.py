"""Pages, by audience. Every router here checks the form token of each change."""

from __future__ import annotations

from fastapi import APIRouter, Depends

from telecontrol.web.pages import admin, companion, desk, device_test, doctor, insured, public, sign_in
from telecontrol.web.security import check_form


def page_routers(*, shows_outbox: bool, is_demo: bool) -> list[APIRouter]:
    """The routers of this installation; development pages only where its settings show them."""
    checks = [Depends(check_form)]
    audiences = [
        public.pages,
        device_test.pages,
        sign_in.pages,
        insured.pages,
        companion.pages,
        doctor.pages,
        desk.pages,
        admin.pages,
    ]
    if shows_outbox:
        from telecontrol.web.pages import development

        audiences.append(development.pages(is_demo=is_demo))
        checks.append(development.TimebarDep)
    guarded = [APIRouter(include_in_schema=False, dependencies=checks) for _ in audiences]
    for router, audience in zip(guarded, audiences, strict=True):
        router.include_router(audience)
    return guarded
