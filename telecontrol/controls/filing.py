"""Checked requests become rows: person created or brought up to date, control, tasks, journal. One at a time or hundreds."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from telecontrol.accounts.models import Organisation
from telecontrol.clock import as_utc
from telecontrol.controls.models import Control, Insured, Procedure
from telecontrol.controls.names import search_name
from telecontrol.controls.policies import current_policy
from telecontrol.controls.references import free_references
from telecontrol.controls.request_data import NewControl, NewInsured
from telecontrol.controls.states import ENDED, Act, ControlState, after
from telecontrol.controls.zones import PARIS
from telecontrol.db.journal import Actor, record
from telecontrol.errors import Conflict
from telecontrol.tasks.models import Owner, Task, TaskKind

AT_ONCE = 500
"""Requests filed together: few enough for a statement's parameters, many enough to be quick."""

SETTLED = ENDED | {ControlState.CONCLUDED, ControlState.REPORTED}
"""States in which the same leave may be controlled again."""

_PERSON_FIELDS = (
    "family_name",
    "given_name",
    "birth_on",
    "email",
    "phone",
    "language",
    "address",
    "postcode",
    "city",
    "zone",
)
_UNSAID = {"birth_on": None, "language": "fr", "zone": PARIS}
"""What a new person has where nothing was given; elsewhere empty text."""
_CONTROL_FIELDS = (
    "procedure",
    "leave_starts_on",
    "leave_ends_on",
    "prescriber_name",
    "prescriber_rpps",
    "treating_rpps",
)

Request = tuple[NewControl, uuid.UUID]
"""A checked request and its insurer's id."""
Leave = tuple[date, date]


@dataclass(frozen=True, slots=True)
class Filed:
    """Created, or in a rehearsal: would be."""

    control_id: uuid.UUID


@dataclass(frozen=True, slots=True)
class AlreadyThere:
    """The organisation's number is known. `changed` names the fields that now differ; nothing was changed."""

    control_id: uuid.UUID
    changed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    error: Conflict


Outcome = Filed | AlreadyThere | Refused


@dataclass(slots=True)
class _Known:
    """What the database holds of a batch."""

    controls: dict[str, Control] = field(default_factory=dict)
    insured: dict[str, Insured] = field(default_factory=dict)
    open_leaves: defaultdict[str, list[tuple[Leave, uuid.UUID]]] = field(default_factory=lambda: defaultdict(list))


async def file_requests(
    session: AsyncSession,
    *,
    organisation_id: uuid.UUID,
    requests: Sequence[Request],
    actor: Actor,
    now: datetime,
) -> list[Outcome]:
    """File at most 500 checked requests of one organisation, in order; one outcome each.

    Intake of one organisation happens one transaction at a time, so that two of them cannot each create the same person.
    """
    # `key_share`: on PostgreSQL a lock that leaves alone whoever only refers to the organisation (bookings).
    await session.execute(
        select(Organisation.id).where(Organisation.id == organisation_id).with_for_update(key_share=True)
    )
    known = await _load(session, organisation_id, requests)
    policies: dict[Procedure, uuid.UUID] = {}
    references = await free_references(session, len(requests))
    today = now.astimezone(ZoneInfo(PARIS)).date()
    outcomes: list[Outcome] = []
    for (request, insurer_id), reference in zip(requests, references, strict=True):
        outcome = _settled(known, request, insurer_id)
        if isinstance(outcome, Filed):
            if request.procedure not in policies:
                policies[request.procedure] = (await current_policy(session, request.procedure, on=today)).id
            insured = _person(session, known, organisation_id, request.insured, actor=actor, now=now)
            control = Control(
                id=outcome.control_id,
                reference=reference,
                external_reference=request.external_reference,
                organisation_id=organisation_id,
                insurer_id=insurer_id,
                insured_id=insured.id,
                policy_id=policies[request.procedure],
                state=after(ControlState.REQUESTED, Act.OPEN_FOR_BOOKING),
                requested_at=now,
                state_since_at=now,
                **{name: getattr(request, name) for name in _CONTROL_FIELDS},
            )
            session.add(control)
            _tell_desk(session, control, insured, now=now)
            _write_journal(session, control, actor=actor, now=now)
        outcomes.append(outcome)
    await session.flush()
    return outcomes


async def rehearse_requests(
    session: AsyncSession,
    *,
    organisation_id: uuid.UUID,
    requests: Sequence[Request],
    earlier: dict[str, list[Leave]],
) -> list[Outcome]:
    """What `file_requests` would answer, writing nothing. `earlier` carries accepted leaves from one batch to the next."""
    known = await _load(session, organisation_id, requests)
    for person, leaves in earlier.items():
        known.open_leaves[person] += [(leave, uuid.UUID(int=0)) for leave in leaves]
    outcomes: list[Outcome] = []
    for request, insurer_id in requests:
        outcome = _settled(known, request, insurer_id)
        if isinstance(outcome, Filed):
            earlier.setdefault(request.insured.external_reference, []).append(
                (request.leave_starts_on, request.leave_ends_on)
            )
        outcomes.append(outcome)
    return outcomes


async def _load(session: AsyncSession, organisation_id: uuid.UUID, requests: Sequence[Request]) -> _Known:
    known = _Known()
    references = {request.external_reference for request, _ in requests}
    controls = await session.scalars(
        select(Control)
        .options(joinedload(Control.insured))
        .where(Control.organisation_id == organisation_id, Control.external_reference.in_(references))
    )
    known.controls = {control.external_reference: control for control in controls}
    people = {request.insured.external_reference for request, _ in requests}
    insured = await session.scalars(
        select(Insured).where(Insured.organisation_id == organisation_id, Insured.external_reference.in_(people))
    )
    known.insured = {person.external_reference: person for person in insured}
    running = await session.execute(
        select(Insured.external_reference, Control.leave_starts_on, Control.leave_ends_on, Control.id)
        .join(Control, Control.insured_id == Insured.id)
        .where(
            Insured.organisation_id == organisation_id,
            Insured.external_reference.in_(people),
            Control.state.not_in(SETTLED),
        )
    )
    for person_reference, starts_on, ends_on, control_id in running:
        known.open_leaves[person_reference].append(((starts_on, ends_on), control_id))
    return known


def _settled(known: _Known, request: NewControl, insurer_id: uuid.UUID) -> Outcome:
    """What becomes of a request, given what is known; an accepted one is known to the next."""
    control = known.controls.get(request.external_reference)
    if control is not None:
        return AlreadyThere(control.id, _differences(control, request, insurer_id))
    leaves = known.open_leaves[request.insured.external_reference]
    for (starts_on, ends_on), control_id in leaves:
        if starts_on <= request.leave_ends_on and request.leave_starts_on <= ends_on:
            return Refused(
                Conflict(
                    "this person is already under a control of the same leave",
                    code="control_open",
                    control_id=str(control_id),
                )
            )
    control_id = uuid.uuid4()
    leaves.append(((request.leave_starts_on, request.leave_ends_on), control_id))
    return Filed(control_id)


def _differences(control: Control, request: NewControl, insurer_id: uuid.UUID) -> tuple[str, ...]:
    changed = [name for name in _CONTROL_FIELDS if getattr(control, name) != getattr(request, name)]
    if control.insurer_id != insurer_id:
        changed.append("insurer")
    if control.insured.external_reference != request.insured.external_reference:
        return (*changed, "insured_reference")
    return (*changed, *_person_differences(control.insured, request.insured))


def _person_differences(insured: Insured, given: NewInsured) -> list[str]:
    """The fields that were given and differ; what was not given says nothing."""
    return [name for name in _PERSON_FIELDS if getattr(given, name) and getattr(given, name) != getattr(insured, name)]


def _person(
    session: AsyncSession,
    known: _Known,
    organisation_id: uuid.UUID,
    given: NewInsured,
    *,
    actor: Actor,
    now: datetime,
) -> Insured:
    """The person of a request: created, or brought up to date with what was given."""
    insured = known.insured.get(given.external_reference)
    if insured is None:
        insured = Insured(
            id=uuid.uuid4(),
            organisation_id=organisation_id,
            external_reference=given.external_reference,
            search_name=search_name(given.given_name, given.family_name),
            **{name: getattr(given, name) or _UNSAID.get(name, "") for name in _PERSON_FIELDS},
        )
        known.insured[given.external_reference] = insured
        session.add(insured)
        record(session, "insured.created", actor=actor, now=now, subject_kind="insured", subject_id=insured.id)
        return insured
    changed = _person_differences(insured, given)
    if changed:
        for name in changed:
            setattr(insured, name, getattr(given, name))
        insured.search_name = search_name(insured.given_name, insured.family_name)
        # A corrected address deserves to be tried again.
        insured.email_refused_at = None if "email" in changed else insured.email_refused_at
        insured.phone_refused_at = None if "phone" in changed else insured.phone_refused_at
        record(
            session,
            "insured.updated",
            actor=actor,
            now=now,
            subject_kind="insured",
            subject_id=insured.id,
            fields=changed,
        )
    return insured


def _tell_desk(session: AsyncSession, control: Control, insured: Insured, *, now: datetime) -> None:
    """The control is to be booked; and somebody must know when e-mail, SMS or both cannot reach the person.

    The control is new, so no task on it can be open already.
    """
    kinds: list[tuple[TaskKind, dict[str, list[str]]]] = [(TaskKind.CONTROL_TO_BOOK, {})]
    missing = [channel for channel, address in (("email", insured.email), ("sms", insured.phone)) if not address]
    if missing:
        kinds.append((TaskKind.ONE_CHANNEL_ONLY, {"missing": missing}))
    for kind, detail in kinds:
        session.add(
            Task(
                kind=kind,
                subject_kind="control",
                subject_id=control.id,
                control_id=control.id,
                organisation_id=control.organisation_id,
                owner=Owner.HANDLER,
                created_at=now,
                due_at=book_before(control.leave_ends_on, insured.zone, now=now),
                detail=detail,
            )
        )


def book_before(leave_ends_on: date, zone: str, *, now: datetime) -> datetime:
    """The instant after which two days' notice no longer fits before the last day of the leave; never before `now`."""
    latest = datetime.combine(leave_ends_on - timedelta(days=2), time(), ZoneInfo(zone))
    return max(now, as_utc(latest))


def _write_journal(session: AsyncSession, control: Control, *, actor: Actor, now: datetime) -> None:
    for action, detail in (
        ("control.requested", {"procedure": control.procedure, "state": ControlState.REQUESTED}),
        ("control.opened_for_booking", {"state": control.state}),
    ):
        record(
            session,
            action,
            actor=actor,
            now=now,
            control_id=control.id,
            subject_kind="control",
            subject_id=control.id,
            **detail,
        )
