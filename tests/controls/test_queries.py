"""Reading controls: found by what people type, met only by who may."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from telecontrol.accounts.access import Who
from telecontrol.accounts.models import Insurer, Organisation
from telecontrol.accounts.viewer import Viewer, ViewerKind
from telecontrol.controls.models import Control, Procedure
from telecontrol.controls.queries import (
    find_by_external_reference,
    find_by_reference,
    find_control,
    list_controls,
    organisation_behind,
    search,
)
from telecontrol.controls.requests import NewControl, request_control
from telecontrol.controls.states import ControlState
from telecontrol.db.journal import SERVICE
from telecontrol.db.session import Database
from telecontrol.errors import InvalidInput, NotFound

File = Callable[..., Awaitable[Control]]
DESK = Viewer(ViewerKind.STAFF, Who.HANDLER, uuid.uuid4())


def of(role: Who, **given: Any) -> Viewer:
    return Viewer(ViewerKind.STAFF, role, uuid.uuid4(), **given)


@pytest.fixture
def file(database: Database, office: Any, new_control: Callable[..., NewControl], now: datetime) -> File:
    """Files a control of another person each time."""
    made = 0

    async def make(
        *,
        organisation: Organisation | None = None,
        insurer: Insurer | None = None,
        after: timedelta = timedelta(0),
        person: dict[str, Any] | None = None,
        **given: Any,
    ) -> Control:
        nonlocal made
        made += 1
        request = new_control(
            **{"external_reference": f"D-{made:04}", **given},
            person={"external_reference": f"M-{made:04}", **(person or {})},
        )
        async with database.transaction() as session:
            return await request_control(
                session,
                organisation=organisation or office.organisation,
                insurer=insurer or office.insurer,
                request=request,
                actor=SERVICE,
                now=now + after,
            )

    return make


async def test_each_viewer_finds_its_own_and_nobody_elses(
    database: Database, office: Any, file: File, now: datetime
) -> None:
    async with database.transaction() as session:
        other = Organisation(code="other", name="Other", created_at=now)
        insurer = Insurer(code="other", name="Other", created_at=now)
        session.add_all([other, insurer])
    ours, theirs = await file(procedure=Procedure.B), await file(organisation=other, insurer=insurer)
    cases = select(Control.id).where(Control.id == ours.id)
    own = office.organisation.id
    see_ours = [
        DESK,
        of(Who.HANDLER, organisation_id=own),
        of(Who.API, organisation_id=own),
        of(Who.EMPLOYER, organisation_id=own),
        of(Who.MEDICAL_SERVICE, insurer_id=office.insurer.id),
        of(Who.DOCTOR, doctor_id=uuid.uuid4()),
        Viewer(ViewerKind.INSURED, Who.INSURED, ours.insured_id, control_id=ours.id),
    ]
    see_nothing = [
        of(Who.ADMINISTRATOR),
        of(Who.ADMINISTRATOR, organisation_id=own),
        of(Who.EMPLOYER),
        of(Who.API),
        of(Who.MEDICAL_SERVICE),
        Viewer(ViewerKind.INSURED, Who.INSURED, ours.insured_id, control_id=theirs.id),
        Viewer(ViewerKind.INSURED, Who.INSURED, theirs.insured_id, control_id=ours.id),
    ]
    async with database.reading() as session:
        for viewer in see_ours:
            assert (await find_control(session, viewer, ours.id, cases=cases)).id == ours.id, viewer.role
            page = await list_controls(session, viewer, cases=cases)
            assert [c.id for c in page.controls if c.id == theirs.id] == ([theirs.id] if viewer is DESK else [])
        for viewer in see_nothing:
            with pytest.raises(NotFound):
                await find_control(session, viewer, ours.id)
            assert (await list_controls(session, viewer)).controls == []
            assert (await search(session, viewer, "moreau")).controls == []
        for viewer in [viewer for viewer in see_ours if viewer is not DESK]:
            with pytest.raises(NotFound) as somebody_elses:
                await find_control(session, viewer, theirs.id, cases=cases)
            with pytest.raises(NotFound) as nobodys:
                await find_control(session, viewer, uuid.uuid4(), cases=cases)
            assert str(somebody_elses.value) == str(nobodys.value)
        with pytest.raises(NotFound):
            await find_control(session, of(Who.DOCTOR, doctor_id=uuid.uuid4()), ours.id)


async def test_an_employer_never_meets_a_control_of_the_fund(database: Database, office: Any, file: File) -> None:
    fund = await file(procedure=Procedure.A)
    async with database.reading() as session:
        with pytest.raises(NotFound):
            await find_control(session, of(Who.EMPLOYER, organisation_id=office.organisation.id), fund.id)


async def test_a_control_is_found_by_its_numbers(database: Database, office: Any, file: File) -> None:
    control = await file(external_reference="2026/77-b")
    async with database.reading() as session:
        typed = control.reference.lower().replace("-", " ")
        assert (await find_by_reference(session, DESK, typed)).id == control.id
        assert (await find_by_external_reference(session, DESK, " 2026/77-b ")).id == control.id
        for reference in ("", "TC-2222-2222", "%"):
            with pytest.raises(NotFound):
                await find_by_reference(session, DESK, reference)
        behind = await organisation_behind(session, typed)
        assert behind is not None
        assert behind.id == office.organisation.id
        assert await organisation_behind(session, "TC-2222-2222") is None


@pytest.mark.parametrize(
    "typed",
    ["lefevre", "Lefèvre Zoé", "zoe LEF", "06 11 22 33 44", "+33 6 11 22 33 44", "M-77", "D-ZOE"],
)
async def test_a_search_finds_what_people_type(database: Database, file: File, typed: str) -> None:
    person = {
        "family_name": "Lefèvre",
        "given_name": "Zoé",
        "phone": "06 11 22 33 44",
        "external_reference": "M-77",
    }
    wanted = await file(person=person, external_reference="D-ZOE-1")
    await file()
    async with database.reading() as session:
        assert [control.id for control in (await search(session, DESK, typed)).controls] == [wanted.id]


async def test_a_search_finds_a_reference_by_its_beginning_or_by_one_half(
    database: Database, office: Any, file: File
) -> None:
    wanted, other = await file(), await file()
    async with database.transaction() as session:
        (await session.get_one(Control, wanted.id)).reference = "TC-K4G5-7ZXW"
        (await session.get_one(Control, other.id)).reference = "TC-7ZK4-G5XW"
    async with database.reading() as session:
        for typed in ("TC-K4G5", "tc k4", "TCK4G57", "k4g5", "7zxw"):
            found = (await search(session, DESK, typed)).controls
            assert [control.id for control in found] == [wanted.id], typed


@pytest.mark.parametrize("typed", ["", " ", "z", "%%%", "___", "evre", "moreau zzz", "22 33 44 99"])
async def test_a_search_finds_nothing_for_nothing(database: Database, file: File, typed: str) -> None:
    await file(person={"family_name": "Lefèvre", "phone": "06 11 22 33 44"})
    async with database.reading() as session:
        assert (await search(session, DESK, typed)).controls == []


async def test_pages_hold_every_control_once_newest_first(database: Database, file: File) -> None:
    # Three share an instant: the order among them must not lose or repeat one.
    controls = [await file(after=timedelta(minutes=number // 3)) for number in range(7)]
    async with database.transaction() as session:
        (await session.get_one(Control, controls[0].id)).state = ControlState.CANCELLED
    async with database.reading() as session:
        found: Control | None = None
        seen: list[uuid.UUID] = []
        instants: list[datetime] = []
        after: str | None = None
        for _ in range(3):
            page = await list_controls(session, DESK, states=[ControlState.TO_BOOK], limit=2, after=after)
            assert len(page.controls) == 2
            seen += [control.id for control in page.controls]
            instants += [control.requested_at for control in page.controls]
            after = page.after
            found = page.controls[0]
        assert after is None
        assert set(seen) == {control.id for control in controls[1:]}
        assert instants == sorted(instants, reverse=True)
        assert found is not None
        assert (found.insured.given_name, found.organisation.code, found.policy.version) == ("Hélène", "caisse-01", 1)


@pytest.mark.parametrize("cursor", ["", "x", "é", "MjAyNi0wMS0wMVQwMDowMDowMHx4", "bm90IGEgY3Vyc29y"])
async def test_a_made_up_page_is_refused(database: Database, cursor: str) -> None:
    async with database.reading() as session:
        with pytest.raises(InvalidInput):
            await list_controls(session, DESK, after=cursor)


async def test_a_list_can_be_kept_to_one_organisation(
    database: Database, office: Any, file: File, now: datetime
) -> None:
    async with database.transaction() as session:
        other = Organisation(code="other", name="Other", created_at=now)
        session.add(other)
    await file(organisation=other)
    ours = await file(leave_ends_on=date(2026, 3, 30))
    async with database.reading() as session:
        page = await list_controls(session, DESK, organisation_id=office.organisation.id)
        assert [control.id for control in page.controls] == [ours.id]
