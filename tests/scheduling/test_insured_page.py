"""What the insured's page is in, and allows: a table of states and instants; which sites are near; what is shown to choose from."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from telecontrol.accounts.models import Organisation
from telecontrol.controls.models import Control, Doctor, Insured, Procedure
from telecontrol.controls.policies import FIRST_VERSIONS, Mode
from telecontrol.controls.states import ControlState as C
from telecontrol.db.session import Database
from telecontrol.errors import InvalidInput
from telecontrol.scheduling.answers import decline_video
from telecontrol.scheduling.booking import book
from telecontrol.scheduling.dossier import Dossier, load_dossier
from telecontrol.scheduling.free import Offer
from telecontrol.scheduling.insured_choices import TIME_TO_CHOOSE, in_person_choices, key_of, other_hours, read_key
from telecontrol.scheduling.insured_page import Stage, state_of
from telecontrol.scheduling.models import Appointment, Site
from telecontrol.scheduling.models import AppointmentState as A
from telecontrol.scheduling.sites import Nearness, nearness, sites_for
from tests.support.world import HANDLER, INSURED, NOW, make_world, operator

START = datetime(2026, 3, 9, 8, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def dossier(state: A, control: C, *, mode: Mode = Mode.VIDEO, moves: int = 0) -> Dossier:
    appointment = Appointment(
        state=state, mode=mode, starts_at=START, ends_at=START + 20 * MINUTE, zone="Europe/Paris", version=1
    )
    return Dossier(
        appointment=appointment,
        control=Control(state=control, moves_by_insured=moves, procedure=Procedure.A),
        insured=Insured(),
        organisation=Organisation(),
        doctor=Doctor(),
        site=None,
        rules=FIRST_VERSIONS[Procedure.A],
    )


@pytest.mark.parametrize(
    ("state", "control", "minutes", "stage", "allowed"),
    [
        (A.BOOKED, C.BOOKED, -2000, Stage.BEFORE, "decline say_absent change_hour prepare"),
        (A.BOOKED, C.BOOKED, -16, Stage.BEFORE, "decline say_absent change_hour prepare"),
        (A.BOOKED, C.BOOKED, -15, Stage.NEAR, "join decline say_absent prepare"),
        (A.BOOKED, C.BOOKED, 19, Stage.NEAR, "join decline say_absent"),
        (A.BOOKED, C.BOOKED, 20, Stage.NEAR, "join"),
        (A.BOOKED, C.BOOKED, 50, Stage.AFTER, ""),
        (A.BOOKED, C.ABSENCE_TO_QUALIFY, -2000, Stage.BEFORE, "decline withdraw_absence prepare"),
        (A.BOOKED, C.ABSENCE_TO_QUALIFY, -5, Stage.NEAR, "join decline withdraw_absence prepare"),
        (A.HELD, C.IN_PERSON_TO_BOOK, -2000, Stage.DECLINED, "undo_decline choose_in_person"),
        (A.DECLINED_BY_INSURED, C.IN_PERSON_TO_BOOK, -5, Stage.DECLINED, "undo_decline choose_in_person"),
        (A.DECLINED_BY_INSURED, C.IN_PERSON_TO_BOOK, 5, Stage.DECLINED, "choose_in_person"),
        (A.DECLINED_BY_INSURED, C.CANCELLED, -5, Stage.CANCELLED, ""),
        (A.IN_PROGRESS, C.BOOKED, 5, Stage.IN_CALL, "join"),
        (A.IN_PROGRESS, C.BOOKED, 500, Stage.IN_CALL, "join"),
        (A.OVER, C.TO_QUALIFY, 30, Stage.NEAR, "join"),
        (A.OVER, C.TO_QUALIFY, 50, Stage.AFTER, ""),
        (A.OVER, C.TO_BOOK, 30, Stage.AFTER, ""),
        (A.ATTENDED, C.CONCLUDED, 15, Stage.AFTER, ""),
        (A.NOT_ATTENDED, C.CONCLUDED, 16, Stage.AFTER, ""),
        (A.RELEASED, C.TO_BOOK, -2000, Stage.RELEASED, ""),
        (A.CANCELLED_BY_SERVICE, C.TO_BOOK, -2000, Stage.CANCELLED, ""),
        (A.CANCELLED_BY_SERVICE, C.CANCELLED, 2000, Stage.CANCELLED, ""),
    ],
)
def test_states_and_what_they_allow(state: A, control: C, minutes: int, stage: Stage, allowed: str) -> None:
    found = state_of(dossier(state, control), now=START + minutes * MINUTE, may_act=True)
    names = (
        "join",
        "decline",
        "undo_decline",
        "choose_in_person",
        "say_absent",
        "withdraw_absence",
        "change_hour",
        "prepare",
    )
    assert found.stage is stage
    assert {name for name in names if getattr(found, f"can_{name}")} == set(allowed.split())
    nothing: dict[str, Any] = {f"can_{name}": False for name in ("act", *names)}
    shown = state_of(dossier(state, control), now=START + minutes * MINUTE, may_act=False)
    assert shown == replace(found, **nothing), "a link that only shows is in the same state and allows nothing"


def test_the_hour_is_changed_once() -> None:
    assert not state_of(
        dossier(A.BOOKED, C.BOOKED, moves=1), now=START - timedelta(days=5), may_act=True
    ).can_change_hour


@pytest.mark.parametrize(
    ("state", "minutes", "stage"),
    [(A.BOOKED, -5, Stage.IN_PERSON), (A.IN_PROGRESS, 5, Stage.IN_PERSON), (A.BOOKED, 20, Stage.AFTER)],
)
def test_in_person_there_is_no_call(state: A, minutes: int, stage: Stage) -> None:
    found = state_of(dossier(state, C.BOOKED, mode=Mode.SURGERY), now=START + minutes * MINUTE, may_act=True)
    assert (found.stage, found.can_join, found.can_decline, found.can_change_hour) == (stage, False, False, False)


@pytest.mark.parametrize(
    ("site", "departments", "home", "near"),
    [
        ("69003", [], "69003", Nearness.SAME_POSTCODE),
        ("69003", [], "69100", Nearness.SAME_DEPARTMENT),
        ("69003", ["01", "42"], "01000", Nearness.SERVES_DEPARTMENT),
        ("69003", ["01", "42"], "13001", None),
        ("20000", [], "20200", None),
        ("20000", ["2B"], "20200", Nearness.SERVES_DEPARTMENT),
        ("97400", [], "97420", Nearness.SAME_DEPARTMENT),
        ("97100", [], "97200", None),
        ("69003", [], "", None),
    ],
)
def test_how_near_a_site_is(site: str, departments: list[str], home: str, near: Nearness | None) -> None:
    assert nearness(Site(postcode=site, departments=departments), home) is near


async def test_sites_by_nearness_then_by_name(database: Database) -> None:
    async with database.transaction() as session:
        world = await make_world(session)
        for code, postcode, departments, is_active in (
            ("b-department", "69100", [], True),
            ("a-department", "69200", [], True),
            ("serves", "01000", ["69"], True),
            ("far", "13001", [], True),
            ("closed", "69003", [], False),
        ):
            session.add(
                Site(
                    code=code,
                    name=code,
                    address="1 rue",
                    postcode=postcode,
                    city="V",
                    departments=departments,
                    is_active=is_active,
                )
            )
        await session.flush()
        names = {site.id: site.code for site in await session.run_sync(lambda each: each.query(Site).all())}
        assert [names[each] for each in await sites_for(session, world.insured)] == [
            "lyon",
            "a-department",
            "b-department",
            "serves",
        ]


def test_an_offer_survives_its_form() -> None:
    import uuid
    from zoneinfo import ZoneInfo

    offer = Offer(uuid.uuid4(), "Alice", START, START + 20 * MINUTE, Mode.SURGERY, uuid.uuid4())
    read = read_key(key_of(offer), zone=ZoneInfo("Indian/Reunion"))
    assert (read.doctor_id, read.site_id, read.starts_at) == (offer.doctor_id, offer.site_id, START)
    for broken in ("", "a.b", "x.y.z", f"{offer.doctor_id.hex}..", f"{offer.doctor_id.hex}..9999999999999999999"):
        with pytest.raises(InvalidInput):
            read_key(broken, zone=ZoneInfo("Europe/Paris"))


async def test_choices_are_few_spread_and_still_good_when_they_are_pressed(database: Database) -> None:
    async with database.transaction() as session:
        world = await make_world(session)
        appointment = await book(
            session,
            operator=operator(),
            control_id=world.control.id,
            doctor_id=world.doctor.id,
            starts_at=START,
            actor=HANDLER,
            now=NOW,
        )
    async with database.reading() as session:
        days = await other_hours(session, await load_dossier(session, appointment.id), now=NOW)
    assert 1 <= len(days) <= 6
    offered = [offer for day in days for offer in day.offers]
    assert all(1 <= len(day.offers) <= 6 for day in days)
    assert START not in [offer.starts_at for offer in offered]
    assert len({offer.starts_at for offer in offered}) == len(offered)
    assert {offer.doctor_id for offer in offered} == {world.doctor.id}, "their own doctor, where free"

    async with database.transaction() as session:
        found = await load_dossier(session, appointment.id, lock=True)
        await decline_video(session, operator=operator(), dossier=found, actor=INSURED, now=NOW)
    async with database.reading() as session:
        choices = await in_person_choices(session, await load_dossier(session, appointment.id), now=NOW)
    assert len(choices) == 3
    assert len({choice.offer.starts_at.date() for choice in choices}) == 3
    later = NOW + TIME_TO_CHOOSE
    async with database.transaction() as session:
        chosen = choices[0].offer
        await book(
            session,
            operator=operator(),
            control_id=world.control.id,
            doctor_id=chosen.doctor_id,
            site_id=chosen.site_id,
            starts_at=chosen.starts_at,
            mode=Mode.SURGERY,
            actor=INSURED,
            now=later,
            hold=timedelta(0),
        )
