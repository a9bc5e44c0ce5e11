"""Doctors: added, changed, approved, opened, away; the list says what keeps one from being offered."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from typing import Any

import pytest
from sqlalchemy import func, select

from telecontrol.accounts.models import StaffUser
from telecontrol.controls.models import Doctor, DoctorApproval, Procedure
from telecontrol.controls.policies import Mode
from telecontrol.db.base import Base
from telecontrol.scheduling.models import AgendaException, DoctorAbsence, OpeningRange
from telecontrol.tasks.models import Task, TaskKind
from telecontrol.web import paths
from tests.support.crawling import forms_of
from tests.support.filling import fill, filled, options
from tests.support.insured import MONDAY_NINE, Page, Visitor, book_video
from tests.support.seeding import DOCTOR, Seeded
from tests.support.service import Service

HERE = paths.ADMIN_DOCTORS
NEW = f"{HERE}/new"
RPPS = "10100000016"


async def added(admin: Visitor, **typed: Any) -> str:
    """The address of a new doctor."""
    given = {"rpps": RPPS, "given_name": "Nora", "family_name": "Zidane", **typed}
    page = await fill(admin, NEW, NEW, **given)
    assert page.path.endswith("/approvals"), page.words
    return page.path.removesuffix("/approvals")


async def count(service: Service, table: type[Base]) -> int:
    async with service.runtime.database.reading() as session:
        return await session.scalar(select(func.count()).select_from(table)) or 0


async def test_a_doctor_is_added_once_and_cannot_be_offered_yet(
    service: Service, admin: Visitor, acts: Callable[..., Any]
) -> None:
    typed = filled(
        await admin.get(NEW),
        NEW,
        rpps=f" {RPPS[:3]} {RPPS[3:]} ",
        given_name="Nora",
        family_name="Zidane",
        email="Nora@Medecins.example",
        phone="0692 00 00 00",
        zone="Indian/Reunion",
    )
    pages = await asyncio.gather(*(admin.post(NEW, typed) for _ in range(3)))
    assert len({page.path for page in pages}) == 1
    assert "Il lui manque un agrément valable aujourd'hui et une ouverture." in pages[0].words
    async with service.runtime.database.reading() as session:
        doctor = (await session.scalars(select(Doctor).where(Doctor.rpps == RPPS))).one()
    assert (doctor.email, doctor.phone, doctor.zone) == ("Nora@medecins.example", "+262692000000", "Indian/Reunion")
    assert await acts() == ["doctor.created"]


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"rpps": "10100000017"}, "Ce numéro ne peut pas exister : un de ses chiffres est faux."),
        ({"rpps": "123"}, "Un numéro RPPS a 11 chiffres."),
        ({"rpps": ""}, "Ce champ est nécessaire."),
        ({"email": "nora@"}, "Cette adresse n'est pas complète"),
        ({"phone": "12"}, "Ce numéro n'est pas complet."),
        ({"family_name": "  "}, "Ce champ est nécessaire."),
        ({"account": "personne@essai.example"}, "Aucun compte de médecin n'a cette adresse."),
        ({"account": DOCTOR}, "Ce compte est déjà celui d'un autre médecin."),
        ({"account": "admin@essai.example"}, "Aucun compte de médecin n'a cette adresse."),
    ],
)
async def test_a_field_at_fault_is_named(service: Service, admin: Visitor, typed: dict[str, str], said: str) -> None:
    page = await fill(admin, NEW, NEW, **{"rpps": RPPS, "given_name": "Nora", "family_name": "Zidane", **typed})
    assert page.status == 422
    assert said in page.words
    assert 'value="Nora"' in page.html
    assert await count(service, Doctor) == 2


async def test_a_number_is_one_doctors(service: Service, admin: Visitor) -> None:
    here = await added(admin)
    page = await fill(admin, NEW, NEW, rpps=RPPS, given_name="Autre", family_name="Autre")
    assert "Un autre médecin a ce numéro RPPS." in page.words
    other = await added(admin, rpps="10100000024")
    page = await fill(admin, other, other, rpps=RPPS)
    assert page.status == 422
    assert "Un autre médecin a ce numéro RPPS." in page.words
    page = await fill(admin, here, here, given_name="Norah", works_on_holidays="1")
    assert page.title.startswith("Norah Zidane")


async def test_the_list_says_what_is_missing_and_finds_by_name_or_number(admin: Visitor) -> None:
    here = await added(admin)
    page = await admin.get(HERE)
    for said in ("Aucun agrément", "Aucune ouverture", "Aucun compte", "3 médecins"):
        assert said in page.words
    for lack in ("no_opening", "no_approval"):
        found = await admin.get(f"{HERE}?lack={lack}")
        assert "1 médecin " in found.words
        assert "Zidane Nora" in found.words
    for words in ("zid", "nora ZIDANE", RPPS[2:]):
        assert "Zidane Nora" in (await admin.get(f"{HERE}?q={words}")).words
    assert "Aucun médecin ne correspond" in (await admin.get(f"{HERE}?q=%25")).words, "a sign is a sign"
    await fill(admin, here, here, is_active=None)
    assert "Rien ne manque ici." in (await admin.get(f"{HERE}?lack=no_opening")).words, "nor is anybody asked for more"


async def test_pages_of_fifty(service: Service, admin: Visitor) -> None:
    async with service.runtime.database.transaction() as session:
        session.add_all(
            Doctor(rpps=f"{number:011d}", family_name=f"Nom{number:03d}", given_name="P") for number in range(120)
        )
    first, last = await admin.get(HERE), await admin.get(f"{HERE}?page=3")
    assert "122 médecins" in first.words
    assert first.html.count("<tr>") == 51
    assert "Nom119 P" in last.words
    assert (await admin.get(f"{HERE}?page=99")).words == last.words


async def test_approvals_have_dates(service: Service, admin: Visitor, acts: Callable[..., Any]) -> None:
    here = await added(admin)
    address = f"{here}/approvals"
    typed = {"procedure": "A", "valid_from_on": "2026-03-02", "valid_until_on": "2026-03-31"}
    for _ in range(2):
        page = await fill(admin, address, address, **typed)
        assert page.status == 200
    assert await count(service, DoctorApproval) == 7, "six of the world's, and this one once"
    for wrong, said in (
        ({"procedure": ""}, "Choisissez une procédure."),
        ({"valid_from_on": ""}, "Ce champ est nécessaire."),
        ({"valid_until_on": "2026-02-30"}, "Cette date n'existe pas."),
        ({"valid_from_on": "2026-06-01", "valid_until_on": "2026-05-01"}, "Le dernier jour vient avant le premier."),
        ({"valid_from_on": "2026-03-31", "valid_until_on": ""}, "couvre déjà une partie de ces jours"),
    ):
        page = await fill(admin, address, address, **{**typed, **wrong})
        assert page.status == 422
        assert said in page.words
    await fill(admin, address, address, procedure="A", valid_from_on="2026-04-01", valid_until_on="")

    async with service.runtime.database.reading() as session:
        mine = await session.scalars(
            select(DoctorApproval).where(
                DoctorApproval.procedure == Procedure.A, DoctorApproval.valid_from_on == date(2026, 3, 2)
            )
        )
        approval = mine.one()
    one = f"{address}/{approval.id}"
    page = await fill(admin, address, one, valid_until_on="2026-03-20")
    assert "Le dernier jour de l'agrément est enregistré." in page.words
    page = await fill(admin, address, one, valid_until_on="2026-01-01")
    assert page.status == 422
    assert 'value="2026-01-01"' in page.html
    gone = filled(await admin.get(address), f"{one}/remove")
    for _ in range(2):
        assert (await admin.post(f"{one}/remove", gone)).status == 200
    assert await acts() == [
        "approval.added",
        "approval.added",
        "approval.changed",
        "approval.removed",
        "doctor.created",
    ]


async def openings(service: Service, here: str) -> list[tuple[int, time, time, Mode]]:
    async with service.runtime.database.reading() as session:
        rows = await session.scalars(
            select(OpeningRange)
            .where(OpeningRange.doctor_id == uuid.UUID(here.rpartition("/")[2]))
            .order_by(OpeningRange.weekday, OpeningRange.opens, OpeningRange.mode)
        )
        return [(row.weekday, row.opens, row.closes, row.mode) for row in rows]


async def test_the_week_is_opened_and_closed(
    service: Service, admin: Visitor, seeded: Seeded, acts: Callable[..., Any]
) -> None:
    here = await added(admin)
    address, action = f"{here}/agenda", f"{here}/agenda/openings"
    typed: dict[str, Any] = {"weekdays": ["0", "3"], "opens": "09:00", "closes": "12:00", "place": "video"}
    for _ in range(2):
        await fill(admin, address, action, **typed)
    await fill(admin, address, action, **{**typed, "place": str(seeded.world.site.id)})
    morning = (time(9), time(12))
    assert await openings(service, here) == [
        (0, *morning, Mode.SURGERY),
        (0, *morning, Mode.VIDEO),
        (3, *morning, Mode.SURGERY),
        (3, *morning, Mode.VIDEO),
    ], "open for video and at a site at once, and nothing twice"
    for wrong, said in (
        ({"weekdays": []}, "Choisissez au moins un jour."),
        ({"opens": ""}, "Ce champ est nécessaire."),
        ({"opens": "25:00"}, "Une heure s'écrit 09:00."),
        ({"opens": "14:00", "closes": "13:00"}, "La fin vient avant le début."),
        ({"opens": "11:00", "closes": "13:00"}, "Il y a déjà une ouverture au même endroit"),
        ({"place": str(uuid.uuid4())}, "Choisissez"),
        ({"place": "home"}, "Choisissez la visioconférence ou un site."),
        ({"valid_from_on": "2026-06-01", "valid_until_on": "2026-05-01"}, "Le dernier jour vient avant le premier."),
    ):
        page = await fill(admin, address, action, **{**typed, **wrong})
        assert page.status == 422, wrong
        assert said in page.words, wrong
    await fill(admin, address, action, **{**typed, "valid_from_on": "2026-09-01", "opens": "14:00", "closes": "15:00"})

    remove = next(each for each in _actions(await admin.get(address)) if "/openings/" in each)
    gone = filled(await admin.get(address), remove)
    for _ in range(2):
        page = await admin.post(remove, gone)
        assert "Les rendez-vous déjà pris restent." in page.words
    assert len(await openings(service, here)) == 5
    assert (await acts()).count("agenda.opening_added") == 6
    assert (await acts()).count("agenda.opening_removed") == 1


def _actions(page: Page) -> list[str]:
    return [form.action for form in forms_of(page.path, page.html)]


async def test_absences_and_days_apart_tell_the_desk(
    service: Service, admin: Visitor, seeded: Seeded, acts: Callable[..., Any]
) -> None:
    await book_video(service, seeded.world)
    here = f"{HERE}/{seeded.world.doctor.id}"
    address = f"{here}/agenda"
    page = await fill(admin, address, f"{address}/absences", first_on="2026-03-09", last_on="2026-03-10")
    assert "Rendez-vous déjà pris dans cette période : 1. Le bureau est prévenu, aucun n'est annulé." in page.words
    assert "du 9 mars 2026 au 10 mars 2026" in page.words
    assert "Durand" not in page.html, "an administrator meets nobody's control"
    page = await fill(admin, address, f"{address}/absences", first_on="2026-03-20")
    assert "Aucun rendez-vous n'est touché." in page.words
    afternoon = {"first_on": "2026-03-23", "from_time": "14:00", "until_time": "16:30"}
    page = await fill(admin, address, f"{address}/absences", **afternoon)
    assert "du 23 mars 2026, 14 h 00 au 23 mars 2026, 16 h 30" in page.words
    for wrong, said in (
        ({"first_on": ""}, "Ce champ est nécessaire."),
        ({"first_on": "2026-02-01"}, "Cette période est passée."),
        ({"first_on": "2026-04-10", "last_on": "2026-04-01"}, "Le dernier jour vient avant le premier."),
        ({"first_on": "2026-04-01", "last_on": "2027-12-01"}, "Un an au plus"),
        ({"first_on": "2026-04-01", "from_time": "15:00", "until_time": "14:00"}, "La fin vient avant le début."),
        ({"first_on": "2026-04-01", "from_time": "25:00"}, "heure"),
    ):
        page = await fill(admin, address, f"{address}/absences", **wrong)
        assert page.status == 422, wrong
        assert said in page.words, wrong
        assert f'value="{wrong["first_on"]}"' in page.html, "what was typed stays"

    day = {"on": "2026-03-12", "opens": "08:00", "closes": "12:00", "place": "closed"}
    await fill(admin, address, f"{address}/exceptions", **day)
    places = options(await admin.get(address), f"{address}/exceptions", "place")
    assert places == ["closed", "video", str(seeded.world.site.id)]
    await fill(admin, address, f"{address}/exceptions", **{**day, "on": "2026-03-14", "place": "video"})
    page = await fill(admin, address, f"{address}/exceptions", **{**day, "closes": "07:00"})
    assert "La fin vient avant le début." in page.words
    assert (await count(service, DoctorAbsence), await count(service, AgendaException)) == (3, 2)

    async with service.runtime.database.reading() as session:
        task = (await session.scalars(select(Task).where(Task.kind == TaskKind.DOCTOR_UNAVAILABLE))).one()
    assert task.done_at is None
    for kind in ("absences", "exceptions"):
        page = await admin.get(address)
        remove = [each for each in _actions(page) if f"/{kind}/" in each]
        for each in remove:
            gone = filled(page, each)
            for _ in range(2):
                assert (await admin.post(each, gone)).status == 200
    assert (await count(service, DoctorAbsence), await count(service, AgendaException)) == (0, 0)
    async with service.runtime.database.reading() as session:
        assert (await session.get_one(Task, task.id)).done_at is not None
    assert (await acts()).count("agenda.absence_removed") == 3


async def test_a_doctor_who_leaves_is_not_offered_and_the_desk_knows(
    service: Service, admin: Visitor, seeded: Seeded
) -> None:
    appointment = await book_video(service, seeded.world)
    here = f"{HERE}/{seeded.world.doctor.id}"
    async with service.runtime.database.transaction() as session:
        (await session.get_one(Doctor, seeded.world.doctor.id)).rpps = RPPS
    page = await fill(admin, here, here, is_active=None)
    assert "Rendez-vous à venir que le bureau doit confier à un autre : 1." in page.words
    async with service.runtime.database.reading() as session:
        task = (await session.scalars(select(Task).where(Task.kind == TaskKind.DOCTOR_UNAVAILABLE))).one()
    assert task.subject_id == appointment.id
    slots = await service.http.get(
        "/api/v1/slots", params={"control_id": str(seeded.world.control.id)}, headers=seeded.key
    )
    assert slots.status_code == 200
    assert str(seeded.world.doctor.id) not in slots.text
    assert str(seeded.world.other_doctor.id) in slots.text


async def test_what_is_opened_here_is_what_is_offered(service: Service, admin: Visitor, seeded: Seeded) -> None:
    """From an empty sheet to a slot that the API offers, by the pages alone."""
    async with service.runtime.database.transaction() as session:
        for doctor in await session.scalars(select(Doctor)):
            doctor.is_active = False
    here = await added(admin)
    await fill(admin, f"{here}/approvals", f"{here}/approvals", procedure="A", valid_from_on="2026-03-02")
    await fill(
        admin,
        f"{here}/agenda",
        f"{here}/agenda/openings",
        weekdays=["0"],
        opens="09:00",
        closes="09:30",
        place="video",
    )
    assert "n'est proposé à personne" not in (await admin.get(here)).words
    answer = await service.http.get(
        "/api/v1/slots", params={"control_id": str(seeded.world.control.id)}, headers=seeded.key
    )
    starts = [datetime.fromisoformat(each["starts_at"]) for each in answer.json()["slots"]]
    assert starts[0] == MONDAY_NINE
    assert {start.astimezone(UTC).weekday() for start in starts} == {0}


async def test_an_account_is_linked_and_unlinked(service: Service, admin: Visitor, seeded: Seeded) -> None:
    here = await added(admin)
    page = await admin.get(here)
    assert f"/admin/users/new?role=doctor&amp;rpps={RPPS}" in page.html
    new = "/admin/users/new"
    opened = await fill(
        admin,
        f"{new}?role=doctor&rpps={RPPS}",
        new,
        email="nora@essai.example",
        password="une phrase assez longue",
    )
    assert opened.title.startswith("Dr Nora Zidane"), "the sheet's name is proposed"
    assert "RPPS 10100000016" in opened.words
    page = await fill(admin, here, here, account=None)
    async with service.runtime.database.reading() as session:
        user = (await session.scalars(select(StaffUser).where(StaffUser.email == "nora@essai.example"))).one()
        assert (await session.scalars(select(Doctor.user_id).where(Doctor.rpps == RPPS))).one() is None
    await fill(admin, here, here, account="Nora@essai.example")
    async with service.runtime.database.reading() as session:
        assert (await session.scalars(select(Doctor.user_id).where(Doctor.rpps == RPPS))).one() == user.id


async def test_an_unknown_doctor_is_not_found(admin: Visitor, seeded: Seeded) -> None:
    nobody = f"{HERE}/{uuid.uuid4()}"
    for part in ("", "/approvals", "/agenda"):
        assert (await admin.get(f"{nobody}{part}")).status == 404
    assert (await admin.get(f"{HERE}/not-an-id")).status == 404
