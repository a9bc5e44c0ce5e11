"""A control is requested: what is asked for, checked at the door, and filed (`DOMAIN.md` §1, §5)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.accounts.models import Insurer, Organisation
from telecontrol.controls import checks
from telecontrol.controls.filing import AlreadyThere, Filed, Refused, file_requests
from telecontrol.controls.models import Control, Procedure
from telecontrol.controls.request_data import NewControl, NewInsured
from telecontrol.controls.zones import PARIS, zone_of_postcode
from telecontrol.db.journal import Actor
from telecontrol.errors import Conflict, InvalidInput

__all__ = ["NewControl", "NewInsured", "check_request", "request_control"]

_T = TypeVar("_T")


async def request_control(
    session: AsyncSession,
    *,
    organisation: Organisation,
    insurer: Insurer,
    request: NewControl,
    actor: Actor,
    now: datetime,
) -> Control:
    """File a control, ready to be booked, with its tasks for the desk.

    Raises `InvalidInput` for the first field that does not pass (its `details["problems"]` names them all), and `Conflict`:
    `control_exists` when the organisation's number is known already, `control_open` when the person is already under a
    control of the same leave (both with `control_id`).
    """
    accepted, problems = check_request(request, today=legal_today(now))
    if problems:
        first = problems[0]
        listed = [{"field": problem.field, "code": problem.code} for problem in problems]
        raise InvalidInput(first.message, field=first.field, code=first.code, **{**first.details, "problems": listed})
    (outcome,) = await file_requests(
        session, organisation_id=organisation.id, requests=[(accepted, insurer.id)], actor=actor, now=now
    )
    if isinstance(outcome, Refused):
        raise outcome.error
    if isinstance(outcome, AlreadyThere):
        raise Conflict(
            "a control with this external reference exists already",
            code="control_exists",
            control_id=str(outcome.control_id),
        )
    assert isinstance(outcome, Filed)
    return await session.get_one(Control, outcome.control_id)


def legal_today(now: datetime) -> date:
    """The day on which rules are read: Paris time, wherever the server stands."""
    return now.astimezone(ZoneInfo(PARIS)).date()


class Door:
    """Lets checked values through and keeps the refusals, so that all of a request's faults are named at once."""

    def __init__(self) -> None:
        self.problems: list[InvalidInput] = []

    def let(self, check: Callable[..., _T], *values: Any, otherwise: _T, **named: Any) -> _T:
        try:
            return check(*values, **named)
        except InvalidInput as problem:
            self.problems.append(problem)
            return otherwise


def check_request(request: NewControl, *, today: date) -> tuple[NewControl, list[InvalidInput]]:
    """The request as it would be kept, and everything that is wrong with it. Pure."""
    door = Door()
    insured = _checked_insured(door, request.insured, today=today)
    let = door.let
    accepted = replace(
        request,
        insured=insured,
        external_reference=let(
            checks.plain,
            request.external_reference,
            field="external_reference",
            longest=80,
            is_needed=True,
            otherwise="",
        ),
        prescriber_name=let(checks.plain, request.prescriber_name, field="prescriber_name", longest=120, otherwise=""),
        prescriber_rpps=let(checks.rpps, request.prescriber_rpps, field="prescriber_rpps", otherwise=""),
        treating_rpps=let(checks.rpps, request.treating_rpps, field="treating_rpps", otherwise=""),
    )
    let(checks.leave, request.leave_starts_on, request.leave_ends_on, today=today, otherwise=None)
    return accepted, door.problems


def _checked_insured(door: Door, given: NewInsured, *, today: date) -> NewInsured:
    let = door.let
    postcode = let(checks.postcode, given.postcode, otherwise="")
    # Left empty when neither is given, so that an earlier, better known zone of the person stands.
    zone = let(checks.zone, given.zone, otherwise="") or (zone_of_postcode(postcode) if postcode else "")
    return NewInsured(
        external_reference=let(
            checks.plain, given.external_reference, field="insured_reference", longest=80, is_needed=True, otherwise=""
        ),
        family_name=let(checks.name, given.family_name, field="family_name", otherwise=""),
        given_name=let(checks.name, given.given_name, field="given_name", otherwise=""),
        birth_on=let(checks.birth_date, given.birth_on, today=today, otherwise=None),
        email=let(checks.email, given.email, otherwise=""),
        phone=let(checks.mobile, given.phone, zone=zone, otherwise=""),
        language=let(checks.language, given.language, otherwise=""),
        address=let(checks.plain, given.address, field="address", longest=300, otherwise=""),
        postcode=postcode,
        city=let(checks.plain, given.city, field="city", longest=80, otherwise=""),
        zone=zone,
    )


def procedure_named(text: str) -> Procedure:
    """The procedure called `A`, `B` or `C`; empty means A. Raises `InvalidInput`."""
    try:
        return Procedure(text.strip().upper() or Procedure.A)
    except ValueError:
        raise InvalidInput("the procedure is A, B or C", field="procedure", code="procedure_unknown") from None
