"""The procedures' rules: what is in force, what is to come, what was; a new version from a day on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from telecontrol.controls.models import Procedure
from telecontrol.controls.policies import Mode, Rules
from telecontrol.controls.policy_versions import FIGURES, SWITCHES, in_force, publish, read_rules, versions_of
from telecontrol.controls.requests import Door, legal_today
from telecontrol.errors import InvalidInput, NotFound
from telecontrol.web import paths
from telecontrol.web.dependencies import NowDep, ReadingDep, RuntimeDep, SessionDep
from telecontrol.web.pages.admin import words
from telecontrol.web.pages.admin.frame import AdminDep, Faults, admin_page, day_needed, faults, ticked, typed
from telecontrol.web.rendering import see_other
from telecontrol.web.staff_door import Staff

pages = APIRouter()
_NEW = paths.admin(paths.ADMIN_POLICIES, "{procedure}", "new")
_TEXTS = ("default_mode", "legal_basis", "valid_from_on", *(figure.name for figure in FIGURES), *SWITCHES)


@pages.get(paths.ADMIN_POLICIES)
async def shown(
    request: Request,
    runtime: RuntimeDep,
    admin: AdminDep,
    session: ReadingDep,
    now: NowDep,
    procedure: Annotated[str, Query(max_length=1)] = "A",
) -> Response:
    chosen = _procedure(procedure)
    versions = await versions_of(session, chosen)
    today = legal_today(now)
    return admin_page(
        request,
        runtime,
        admin,
        "staff/admin/policies.html",
        place="policies",
        now=now,
        procedure=str(chosen),
        tabs=[
            {"href": f"{paths.ADMIN_POLICIES}?procedure={each}", "code": str(each), "is_current": each is chosen}
            for each in Procedure
        ],
        standing=in_force(versions, on=today),
        versions=versions,
        today=today,
        **_meanings(),
    )


@pages.get(_NEW)
async def blank(
    request: Request, runtime: RuntimeDep, admin: AdminDep, session: ReadingDep, now: NowDep, procedure: str
) -> Response:
    chosen = _procedure(procedure)
    standing = in_force(await versions_of(session, chosen), on=legal_today(now))
    given, modes = _given(standing.rules) if standing else ({}, [])
    given = {**dict.fromkeys(_TEXTS, ""), **given, "valid_from_on": legal_today(now).isoformat()}
    return await _form(request, runtime, admin, session, chosen, given, modes, Faults(), now=now)


@pages.post(_NEW)
async def add(
    request: Request, runtime: RuntimeDep, admin: AdminDep, session: SessionDep, now: NowDep, procedure: str
) -> Response:
    chosen = _procedure(procedure)
    given, modes, door = await typed(request, *_TEXTS), await ticked(request, "modes"), Door()
    first = door.let(day_needed, given["valid_from_on"], field="valid_from_on", otherwise=None)
    try:
        rules = _read(given, modes, door)
        if rules is None or first is None:
            raise InvalidInput.of_all(door.problems)
        row = await publish(
            session, chosen, rules, valid_from_on=first, today=legal_today(now), actor=admin.actor, now=now
        )
    except InvalidInput as error:
        errors = faults(request, admin, error)
        return await _form(request, runtime, admin, session, chosen, given, modes, errors, now=now)
    there = f"{paths.ADMIN_POLICIES}?procedure={chosen}"
    return see_other(request, there, text="La version {version} est enregistrée.", version=row.version)


def _read(given: Mapping[str, str], modes: Sequence[str], door: Door) -> Rules | None:
    """The rules; None after every fault of the form joined those of the door."""
    try:
        return read_rules(given, modes)
    except InvalidInput as error:
        door.problems += [InvalidInput(error.message, **each) for each in error.details.get("problems", [])]
        return None


async def _form(
    request: Request,
    runtime: RuntimeDep,
    admin: Staff,
    session: AsyncSession,
    procedure: Procedure,
    given: Mapping[str, str],
    modes: Sequence[str],
    errors: Faults,
    *,
    now: datetime,
) -> Response:
    versions = await versions_of(session, procedure)
    return admin_page(
        request,
        runtime,
        admin,
        "staff/admin/policy_new.html",
        place="policies",
        now=now,
        status=422 if errors else 200,
        procedure=str(procedure),
        number=(versions[0].row.version if versions else 0) + 1,
        given=given,
        chosen_modes=modes,
        modes=[str(each) for each in Mode],
        figures={figure.name: figure for figure in FIGURES},
        errors=errors,
        today=legal_today(now),
        action=paths.admin(paths.ADMIN_POLICIES, str(procedure), "new"),
        **_meanings(),
    )


def _meanings() -> dict[str, Any]:
    """What each value means: the templates translate the sentences."""
    return {"groups": words.GROUPS, "figure_words": words.FIGURES, "switch_words": words.SWITCHES}


def _given(rules: Rules) -> tuple[dict[str, str], list[str]]:
    values = asdict(rules)
    given = {figure.name: str(values[figure.name]) for figure in FIGURES}
    given |= {name: "1" if values[name] else "" for name in SWITCHES}
    given |= {"default_mode": str(rules.default_mode), "legal_basis": rules.legal_basis}
    return given, [str(mode) for mode in rules.modes]


def _procedure(text: str) -> Procedure:
    found = next((each for each in Procedure if str(each) == text), None)
    if found is None:
        raise NotFound("no such procedure")
    return found
