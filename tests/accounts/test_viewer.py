"""Who looks, and the condition that keeps each viewer to its own rows."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from telecontrol.accounts.access import Action, Kind, Relation, Who
from telecontrol.accounts.links import find_link, find_visit, mint_link, open_visit
from telecontrol.accounts.models import LinkPurpose, Organisation, Role, StaffUser
from telecontrol.accounts.viewer import Viewer, ViewerKind, insured_viewer, organisation_filter, staff_viewer
from telecontrol.db.journal import ActorKind
from telecontrol.db.session import Database
from telecontrol.errors import Forbidden


def viewer(role: Who, organisation_id: uuid.UUID | None = None) -> Viewer:
    return Viewer(ViewerKind.STAFF, role, uuid.uuid4(), organisation_id=organisation_id)


async def test_each_role_meets_its_own_organisations(database: Database, now: datetime) -> None:
    async with database.transaction() as session:
        ours, theirs = (Organisation(code=code, name=code, created_at=now) for code in ("ours", "theirs"))
        session.add_all([ours, theirs])
        await session.flush()

        async def met(someone: Viewer) -> set[str]:
            condition = organisation_filter(someone, Organisation.id)
            return set(await session.scalars(select(Organisation.code).where(condition)))

        assert await met(viewer(Who.HANDLER)) == {"ours", "theirs"}
        for role in (Who.HANDLER, Who.EMPLOYER, Who.API):
            assert await met(viewer(role, ours.id)) == {"ours"}
        for role in (Who.EMPLOYER, Who.API, Who.ADMINISTRATOR, Who.DOCTOR, Who.INSURED, Who.MEDICAL_SERVICE):
            assert await met(viewer(role)) == set()
        assert await met(viewer(Who.ADMINISTRATOR, ours.id)) == set()


def test_staff_roles_become_viewers() -> None:
    doctor_id = uuid.uuid4()
    user = StaffUser(id=uuid.uuid4(), role=Role.DOCTOR, organisation_id=None)
    found = staff_viewer(user, doctor_id=doctor_id)
    assert (found.role, found.doctor_id, found.actor.kind, found.actor.id) == (
        Who.DOCTOR,
        doctor_id,
        ActorKind.STAFF,
        str(user.id),
    )
    assert found.may(Action.SIGN, Kind.REPORT, "content")
    assert not found.may(Action.SIGN, Kind.REPORT, "content", relation=Relation.NONE)
    with pytest.raises(Forbidden):
        found.require(Action.CREATE, Kind.SETTINGS)


def test_an_api_key_needs_its_scope_and_people_need_none() -> None:
    key = Viewer(ViewerKind.API, Who.API, uuid.uuid4(), scopes=frozenset({"controls:read"}))
    key.require_scope("controls:read")
    with pytest.raises(Forbidden) as refused:
        key.require_scope("controls:write")
    assert refused.value.code == "scope_missing"
    viewer(Who.HANDLER).require_scope("controls:write")


@pytest.mark.parametrize(("purpose", "may_answer"), [(LinkPurpose.ACT, True), (LinkPurpose.VIEW, False)])
async def test_an_insured_looks_after_the_birth_date_and_acts_by_an_acting_link_only(
    database: Database, now: datetime, purpose: LinkPurpose, may_answer: bool
) -> None:
    control_id = uuid.uuid4()
    async with database.transaction() as session:
        token = await mint_link(
            session,
            appointment_id=uuid.uuid4(),
            insured_id=uuid.uuid4(),
            control_id=control_id,
            purpose=purpose,
            now=now,
            expires_at=now + timedelta(days=1),
        )
        link = await find_link(session, token, now=now)
        assert link is not None
        cookie = await open_visit(session, link, now=now, lifetime=timedelta(hours=1))
        found = await find_visit(session, cookie, now=now)
        assert found is not None
        with pytest.raises(Forbidden):
            insured_viewer(*found)
        found[0].verified_at = now
        person = insured_viewer(*found)
    assert (person.control_id, person.role, person.actor.kind) == (control_id, Who.INSURED, ActorKind.INSURED)
    assert person.may(Action.READ, Kind.APPOINTMENT)
    assert person.may(Action.ANSWER, Kind.APPOINTMENT) is may_answer
