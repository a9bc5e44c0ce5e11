"""A doctor's pages over real HTTP: whose appointments, which address, which form is pressed."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from sqlalchemy import Engine, event

from telecontrol.controls.results import Result
from telecontrol.controls.states import ControlState
from telecontrol.scheduling.dossier import Dossier, load_dossier
from telecontrol.scheduling.models import Appointment
from telecontrol.web import paths
from tests.support.concluding import appoint
from tests.support.insured import Page, Visitor
from tests.support.service import Service
from tests.support.staffing import PASSWORD
from tests.support.world import World, make_control


async def another(service: Service, world: World, number: int, **given: Any) -> Appointment:
    """The appointment of another person."""
    async with service.runtime.database.transaction() as session:
        control = await make_control(session, organisation=world.organisation, insurer=world.insurer, number=number)
        control.state = ControlState.BOOKED
        values = {"control_id": control.id, "insured_id": control.insured_id, **given}
        return await appoint(session, world, **values)


async def dossier_of(service: Service, appointment: Appointment) -> Dossier:
    async with service.runtime.database.reading() as session:
        return await load_dossier(session, appointment.id)


def room(appointment: Appointment, part: str = "") -> str:
    return paths.room(str(appointment.id), part)


async def act(doctor: Visitor, appointment: Appointment, part: str, **values: str) -> Page:
    """Press a form of the room."""
    page = await doctor.get(room(appointment))
    return await doctor.press(page, room(appointment, part), **values)


async def push(doctor: Visitor, address: str, *, home: str = paths.DOCTOR, **values: str) -> Page:
    """Send a form that the page does not show (any more), with a token that is right."""
    fields = (await doctor.get(home)).form(paths.SIGN_OUT)
    assert fields is not None
    return await doctor.post(address, {**fields, **values})


def conclusion_fields(page: Page) -> dict[str, str]:
    """What the conclusion's first form holds: the form itself, or the signature of what is shown."""
    part = page.html.partition('id="conclusion"')
    begins = part[0].rindex("<")
    inside = re.split(r"</form>", page.html[begins:], maxsplit=1)[0]
    pairs = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', inside)
    return {name: html.unescape(value) for name, value in pairs}


async def review(doctor: Visitor, appointment: Appointment, result: Result | str, **values: str) -> Page:
    """Fill in the conclusion as far as what would be signed."""
    page = await doctor.get(room(appointment))
    given = {"result": str(result), "identity_document": "national_card", "step": "review", **values}
    return await doctor.post(room(appointment, "conclude"), {**conclusion_fields(page), **given})


async def sign(doctor: Visitor, appointment: Appointment, shown: Page, *, password: str = PASSWORD) -> Page:
    """Sign what `shown` shows."""
    given = {"step": "sign", "password": password}
    return await doctor.post(room(appointment, "conclude"), {**conclusion_fields(shown), **given})


CountQueries = Callable[[], AbstractContextManager[list[str]]]


@contextmanager
def counting_queries() -> Iterator[list[str]]:
    """The statements that read, as they are sent to whatever database."""
    said: list[str] = []

    def hear(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.lstrip().upper().startswith(("SELECT", "WITH")):
            said.append(statement)

    event.listen(Engine, "before_cursor_execute", hear)
    try:
        yield said
    finally:
        event.remove(Engine, "before_cursor_execute", hear)
