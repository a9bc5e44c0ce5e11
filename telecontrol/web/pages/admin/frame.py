"""What every page of the administration shares: the door, the frame, and forms that keep what was typed."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from typing import Annotated, Any

from fastapi import Depends, Request
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from telecontrol.accounts.access import Action, Kind
from telecontrol.controls.cells import day, needed_day, time_of_day
from telecontrol.controls.zones import PARIS, ZONES
from telecontrol.db.base import HasId
from telecontrol.errors import Conflict, InvalidInput
from telecontrol.web import dates
from telecontrol.web.dependencies import RuntimeDep
from telecontrol.web.i18n import Translator
from telecontrol.web.pages.admin.words import say_fault
from telecontrol.web.rendering import language_of, operator_brand, page, templates_of
from telecontrol.web.security import SAFE_METHODS
from telecontrol.web.staff_door import AdministratorDep, Staff

LONGEST_FIELD = 2000
ONCE = "once"
"""The hidden field with the id of the row that a form is about to make: sent twice, it makes one row."""


class Faults(dict[str, str]):
    """Field → what is wrong with it; nothing is wrong with a field that is not there."""

    def __missing__(self, field: str) -> str:
        return ""


async def admitted(request: Request, staff: AdministratorDep) -> Staff:
    """An administrator, if the table of rights lets them read, or change, the settings."""
    staff.viewer.require(Action.READ if request.method in SAFE_METHODS else Action.CHANGE, Kind.SETTINGS)
    return staff


AdminDep = Annotated[Staff, Depends(admitted)]


def translator_of(request: Request, staff: Staff) -> Translator:
    """The language of this person's pages."""
    return templates_of(request).translators[language_of(request, preferred=staff.user.language)]


def admin_page(
    request: Request,
    runtime: RuntimeDep,
    staff: Staff,
    template: str,
    *,
    place: str,
    now: datetime,
    status: int = 200,
    **context: Any,
) -> Response:
    """Render a page of the administration; `place` is its entry of the rail."""
    return page(
        request,
        template,
        now=now,
        status=status,
        language=language_of(request, preferred=staff.user.language),
        operator=operator_brand(runtime),
        viewer=staff.for_layout(),
        place=place,
        counts={},
        **context,
    )


async def typed(request: Request, *names: str) -> dict[str, str]:
    """What was typed in these fields of a form, as text; a missing one is empty."""
    form = await request.form()
    values = {name: form.get(name, "") for name in names}
    return {name: value[:LONGEST_FIELD] if isinstance(value, str) else "" for name, value in values.items()}


async def ticked(request: Request, name: str) -> list[str]:
    """Every value that was ticked or chosen under a name."""
    form = await request.form()
    return [value[:100] for value in form.getlist(name) if isinstance(value, str)][:200]


async def is_made(session: AsyncSession, table: type[HasId], made_id: uuid.UUID) -> bool:
    """Whether the row of a form exists already: the form was sent twice. Asked again after a refusal, it sees what another
    press committed in the meantime."""
    return await session.scalar(select(table.id).where(table.id == made_id)) is not None


def row_id(given: Mapping[str, str]) -> uuid.UUID:
    """The id that the form brought for its row; a new one where it brought none, or nonsense."""
    try:
        return uuid.UUID(given.get(ONCE, ""))
    except ValueError:
        return uuid.uuid4()


def id_in(text: str) -> uuid.UUID | None:
    """The id in a field; None for an empty or senseless one."""
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def faults(request: Request, staff: Staff, error: InvalidInput | Conflict) -> Faults:
    """Field → what is wrong with it, in the reader's language. What belongs to no field stands under the empty name."""
    language = translator_of(request, staff)
    if isinstance(error, InvalidInput):
        listed = error.details.get("problems") or [{"field": error.field, "code": error.code, **error.details}]
    else:
        listed = [{"field": error.details.get("field", ""), "code": error.code, **error.details}]
    # The first fault of a field is the one to mend first.
    return Faults({each["field"] or "": say_fault(each["code"], each, language) for each in reversed(listed)})


def day_typed(text: str, *, field: str) -> date | None:
    """A day from a date field; empty is none. Raises `InvalidInput`."""
    return day(text, field=field)


def day_needed(text: str, *, field: str) -> date:
    """A day that cannot be left out. Raises `InvalidInput`."""
    return needed_day(text, field=field)


def hour_typed(text: str, *, field: str) -> time:
    """An hour from a time field. Raises `InvalidInput`."""
    if not text.strip():
        raise InvalidInput("a value is needed", field=field, code="value_missing")
    return time_of_day(text, field=field)


def weekday_numbers(chosen: Sequence[str]) -> list[int]:
    """The ticked weekdays, 0 for Monday. Raises `InvalidInput` (field `weekdays`)."""
    numbers = [int(each) for each in chosen if each in set("0123456")]
    if not numbers:
        raise InvalidInput("choose a weekday", field="weekdays", code="weekday_missing")
    return numbers


def zones(language: Translator) -> list[dict[str, str]]:
    """The legal zones to choose from, Paris first."""
    named = sorted((dates.zone_name(zone, language), zone) for zone in ZONES if zone != PARIS)
    return [{"value": zone, "label": label} for label, zone in [(dates.zone_name(PARIS, language), PARIS), *named]]


def weekdays(language: Translator) -> list[str]:
    """The names of the days, Monday first."""
    return [str(language.locale.days["format"]["wide"][number]) for number in range(7)]
