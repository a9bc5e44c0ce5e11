"""Reading controls: one, many, by words. Every question takes the viewer and meets only the viewer's rows."""

from __future__ import annotations

import base64
import binascii
import re
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, and_, false, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from telecontrol.accounts.access import Action, Kind, RowFilter, Who, row_filter
from telecontrol.accounts.models import Organisation
from telecontrol.accounts.viewer import Viewer, organisation_filter
from telecontrol.controls.models import Control, Insured, Procedure
from telecontrol.controls.names import words_of
from telecontrol.controls.references import as_part_of_reference, as_reference
from telecontrol.controls.states import ControlState
from telecontrol.errors import InvalidInput, NotFound

LONGEST_PAGE = 200
Cases = Select[uuid.UUID]
"""A query of control ids: the doctor's own cases, which only `scheduling` knows (they have an appointment with that doctor)."""


@dataclass(frozen=True, slots=True)
class Page:
    """Some controls, with their person, organisation, insurer and policy loaded; `after` asks for the next ones."""

    controls: Sequence[Control]
    after: str | None


def visible(viewer: Viewer, *, cases: Cases | None = None) -> ColumnElement[bool]:
    """The condition that keeps a query over `Control` to the viewer's rows."""
    if not viewer.may(Action.READ, Kind.CONTROL):
        return false()
    kind = row_filter(viewer.role)
    if kind is RowFilter.ORGANISATION:
        ours = organisation_filter(viewer, Control.organisation_id)
        # An employer follows its own requests, never a control that the fund asked for.
        return and_(ours, Control.procedure != Procedure.A) if viewer.role is Who.EMPLOYER else ours
    if kind is RowFilter.SELF:
        return and_(Control.insured_id == viewer.user_id, Control.id == viewer.control_id)
    if kind is RowFilter.INSURER and viewer.insurer_id is not None:
        return Control.insurer_id == viewer.insurer_id
    if kind is RowFilter.CASES and cases is not None:
        return Control.id.in_(cases)
    return false()


async def find_control(
    session: AsyncSession, viewer: Viewer, control_id: uuid.UUID, *, cases: Cases | None = None
) -> Control:
    """The control, its file loaded. Raises `NotFound` for none, and alike for somebody else's."""
    return await _one(session, viewer, Control.id == control_id, cases)


async def find_by_reference(
    session: AsyncSession, viewer: Viewer, reference: str, *, cases: Cases | None = None
) -> Control:
    """The control with this printed reference, however it was typed. Raises `NotFound`."""
    return await _one(session, viewer, Control.reference == (as_reference(reference) or ""), cases)


async def find_by_external_reference(session: AsyncSession, viewer: Viewer, external_reference: str) -> Control:
    """The control with the organisation's own number. Raises `NotFound`, also for the operator's desk when two have it."""
    query = _loaded().where(visible(viewer), Control.external_reference == external_reference.strip()).limit(2)
    found = list(await session.scalars(query))
    if len(found) != 1:
        raise NotFound("no such control", code="control_not_found")
    return found[0]


async def organisation_behind(session: AsyncSession, reference: str) -> Organisation | None:
    """Who asked for the control with this reference: all that the public page *is this message genuine?* may say."""
    found: Organisation | None = await session.scalar(
        select(Organisation)
        .join(Control, Control.organisation_id == Organisation.id)
        .where(Control.reference == (as_reference(reference) or ""))
    )
    return found


async def list_controls(
    session: AsyncSession,
    viewer: Viewer,
    *,
    states: Collection[ControlState] = (),
    organisation_id: uuid.UUID | None = None,
    after: str | None = None,
    limit: int = 50,
    cases: Cases | None = None,
) -> Page:
    """Controls by state, newest request first. `after` is a former page's; raises `InvalidInput` when it is none."""
    conditions = [visible(viewer, cases=cases)]
    if states:
        conditions.append(Control.state.in_(states))
    if organisation_id is not None:
        conditions.append(Control.organisation_id == organisation_id)
    return await _page(session, conditions, after=after, limit=limit)


async def search(
    session: AsyncSession,
    viewer: Viewer,
    text: str,
    *,
    states: Collection[ControlState] = (),
    after: str | None = None,
    limit: int = 50,
    cases: Cases | None = None,
) -> Page:
    """Controls whose reference (or a beginning of it, or one of its halves), organisation's number, person's number, phone or name matches what was typed.

    Names match word by word from each word's beginning, in any order, without accents. Too little text finds nothing.
    """
    said = text.strip()[:120]
    matching = _matches(said)
    if not matching:
        return Page([], None)
    conditions = [visible(viewer, cases=cases), or_(*matching)]
    if states:
        conditions.append(Control.state.in_(states))
    return await _page(session, conditions, after=after, limit=limit)


def _matches(text: str) -> list[ColumnElement[bool]]:
    matching: list[ColumnElement[bool]] = []
    reference, part = as_reference(text), as_part_of_reference(text)
    if reference:
        matching.append(Control.reference == reference)
    elif part:
        matching.append(Control.reference.contains(part, autoescape=True))
    if len(text) >= 3:
        matching += [
            Control.external_reference.startswith(text, autoescape=True),
            Insured.external_reference.startswith(text, autoescape=True),
        ]
    digits = re.sub(r"[^0-9]", "", text)
    if len(digits) >= 6 and not re.search(r"[^\W\d_]", text):
        # Phones are kept as +33612…: what was typed is compared without its national zero or international prefix.
        matching.append(Insured.phone.endswith(re.sub(r"^(00|0)", "", digits), autoescape=True))
    words = words_of(text)
    if words and sum(map(len, words)) >= 2:
        begins = [or_(Insured.search_name.startswith(word), Insured.search_name.contains(f" {word}")) for word in words]
        matching.append(and_(*begins))
    return matching


def _loaded() -> Select[Control]:
    return (
        select(Control)
        .join(Control.insured)
        .options(
            joinedload(Control.insured),
            joinedload(Control.organisation),
            joinedload(Control.insurer),
            joinedload(Control.policy),
        )
    )


async def _one(session: AsyncSession, viewer: Viewer, condition: ColumnElement[bool], cases: Cases | None) -> Control:
    found: Control | None = await session.scalar(_loaded().where(condition, visible(viewer, cases=cases)))
    if found is None:
        raise NotFound("no such control", code="control_not_found")
    return found


async def _page(
    session: AsyncSession, conditions: Sequence[ColumnElement[bool]], *, after: str | None, limit: int
) -> Page:
    size = max(1, min(limit, LONGEST_PAGE))
    query = _loaded().where(*conditions)
    if after is not None:
        at, control_id = _position(after)
        query = query.where(or_(Control.requested_at < at, and_(Control.requested_at == at, Control.id < control_id)))
    query = query.order_by(Control.requested_at.desc(), Control.id.desc()).limit(size + 1)
    found = list(await session.scalars(query))
    more = len(found) > size
    return Page(found[:size], _cursor(found[size - 1]) if more else None)


def _cursor(control: Control) -> str:
    text = f"{control.requested_at.isoformat()}|{control.id}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _position(cursor: str) -> tuple[datetime, uuid.UUID]:
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        at, _, control_id = text.partition("|")
        position = datetime.fromisoformat(at), uuid.UUID(control_id)
        if position[0].tzinfo is None:
            raise ValueError(at)
    except (ValueError, binascii.Error) as error:
        raise InvalidInput("not a page that was given out", field="after", code="cursor_malformed") from error
    return position
