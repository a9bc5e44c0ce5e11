"""Doctors and sites from files: created, brought up to date, never twice, each bad line named."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Any

import pytest
from sqlalchemy import func, select

from telecontrol.accounts.models import Role, StaffUser
from telecontrol.controls.checks import luhn_sum
from telecontrol.controls.import_report import ImportMode, ImportReport
from telecontrol.controls.models import Doctor, DoctorApproval, Procedure
from telecontrol.controls.policies import Mode
from telecontrol.db.journal import SERVICE, JournalEntry
from telecontrol.db.session import Database
from telecontrol.scheduling.imports import import_doctors, import_sites
from telecontrol.scheduling.models import ConsultingRoom, OpeningRange, Site, SiteHours

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ALL, GOOD = ImportMode.ALL_OR_NOTHING, ImportMode.GOOD_LINES

SITES = """code;nom;adresse;code postal;ville;accès;téléphone;départements;salles;horaires
LYON-1;Centre Est;12 rue du Lac;69003;Lyon;Rampe à droite;04 72 00 00 00;69, 01 38;Salle 1 | Salle 2;"lun-ven 8:30-18:00; sam 9h-12h"
STD;Centre Nord;3 rue du Port;97400;Saint-Denis;;;974;Cabinet;mar 08:00-16:00
"""


def rpps(number: int) -> str:
    ten = f"10{number:08}"
    return next(f"{ten}{key}" for key in range(10) if luhn_sum(f"{ten}{key}") % 10 == 0)


def doctors(*lines: str) -> bytes:
    header = "RPPS,nom,prénom,courriel,téléphone,fuseau,procédures,ouvertures,compte"
    return "\n".join([header, *lines]).encode("cp1252")


async def sites(database: Database, text: str = SITES, mode: ImportMode = ALL, **given: Any) -> ImportReport:
    return await import_sites(database, text.encode(), mode=mode, actor=SERVICE, now=NOW, **given)


async def imported(database: Database, data: bytes, mode: ImportMode = ALL, **given: Any) -> ImportReport:
    return await import_doctors(database, data, mode=mode, actor=SERVICE, now=NOW, **given)


async def account(database: Database, email: str, role: Role = Role.DOCTOR) -> StaffUser:
    async with database.transaction() as session:
        user = StaffUser(email=email, display_name="Dr", role=role, password_hash="x", created_at=NOW)
        session.add(user)
    return user


async def total(database: Database, table: Any) -> int:
    async with database.reading() as session:
        return await session.scalar(select(func.count()).select_from(table)) or 0


async def test_sites_come_with_rooms_hours_and_departments(database: Database) -> None:
    report = await sites(database)
    assert (report.total, report.created, report.is_applied, report.errors) == (2, 2, True, [])
    async with database.reading() as session:
        lyon, std = await session.scalars(select(Site).order_by(Site.code))
        assert (lyon.name, lyon.departments, lyon.zone, lyon.phone) == (
            "Centre Est",
            ["01", "38", "69"],
            "Europe/Paris",
            "+33472000000",
        )
        assert (std.zone, std.access) == ("Indian/Reunion", "")
        rooms = await session.scalars(select(ConsultingRoom.name).where(ConsultingRoom.site_id == lyon.id))
        assert set(rooms) == {"Salle 1", "Salle 2"}
        hours = list(await session.scalars(select(SiteHours).where(SiteHours.site_id == lyon.id)))
        assert {(each.weekday, each.opens, each.closes) for each in hours} == {
            *((day, time(8, 30), time(18)) for day in range(5)),
            (5, time(9), time(12)),
        }


@pytest.mark.parametrize("mode", [ALL, GOOD])
async def test_the_same_files_twice_change_nothing(database: Database, mode: ImportMode) -> None:
    lines = doctors(f'{rpps(1)},Faure,Hélène,,,,A 2026-01-01..,"lun 9:00-12:00 video; mar 9:00-12:00 lyon-1",')
    for is_again in (False, True):
        for report in (await sites(database, mode=mode), await imported(database, lines, mode)):
            assert (report.created > 0, report.unchanged > 0) == (not is_again, is_again)
            assert report.updated == report.rejected == 0
    assert await total(database, JournalEntry) == 3
    assert (await total(database, OpeningRange), await total(database, SiteHours)) == (2, 7)


async def test_doctors_come_with_approvals_openings_and_account(database: Database) -> None:
    await sites(database)
    user = await account(database, "helene@cabinet.example")
    line = (
        f"{rpps(1)},Faure,Hélène,helene.faure@cabinet.example,0262 20 20 20,Indian/Reunion,"
        '"A 2026-01-01..2026-12-31; b 01/03/2026..","lun-mar 9:00-12:00 video; mer 14h-17h STD; jeu 8-9 domicile",'
        "Helene@Cabinet.example"
    )
    assert (await imported(database, doctors(line))).created == 1
    async with database.reading() as session:
        doctor = (await session.scalars(select(Doctor))).one()
        std = (await session.scalars(select(Site).where(Site.code == "STD"))).one()
        assert (doctor.user_id, doctor.zone, doctor.phone) == (user.id, "Indian/Reunion", "+262262202020")
        approvals = await session.scalars(select(DoctorApproval).order_by(DoctorApproval.procedure))
        assert [(each.procedure, each.valid_from_on, each.valid_until_on) for each in approvals] == [
            (Procedure.A, date(2026, 1, 1), date(2026, 12, 31)),
            (Procedure.B, date(2026, 3, 1), None),
        ]
        openings = await session.scalars(select(OpeningRange).order_by(OpeningRange.weekday))
        assert [(each.weekday, each.opens, each.closes, each.mode, each.site_id) for each in openings] == [
            (0, time(9), time(12), Mode.VIDEO, None),
            (1, time(9), time(12), Mode.VIDEO, None),
            (2, time(14), time(17), Mode.SURGERY, std.id),
            (3, time(8), time(9), Mode.HOME, None),
        ]


async def test_what_a_line_gives_replaces_and_what_it_leaves_out_stays(database: Database) -> None:
    first = f'{rpps(1)},Faure,Hélène,a@cabinet.example,,,A 2026-01-01..,"lun 9-12 video; mar 9-12 video",'
    await imported(database, doctors(first))
    async with database.transaction() as session:
        doctor = (await session.scalars(select(Doctor))).one()
        session.add(
            OpeningRange(
                doctor_id=doctor.id,
                weekday=4,
                opens=time(9),
                closes=time(10),
                mode=Mode.VIDEO,
                valid_from_on=date(2026, 4, 1),
                valid_until_on=date(2026, 4, 30),
            )
        )
    unsaid = await imported(database, doctors(f"{rpps(1)},Faure,Hélène,,,,,,"))
    assert unsaid.unchanged == 1
    changed = await imported(database, doctors(f"{rpps(1)},Faure-Petit,Hélène,b@cabinet.example,,,-,ven 9-12 video,"))
    assert (changed.updated, changed.notices) == (1, [])
    async with database.reading() as session:
        doctor = (await session.scalars(select(Doctor))).one()
        assert (doctor.family_name, doctor.email) == ("Faure-Petit", "b@cabinet.example")
        assert (await session.scalars(select(DoctorApproval))).all() == []
        openings = await session.scalars(select(OpeningRange).order_by(OpeningRange.opens, OpeningRange.closes))
        # The dated opening was made on screen: a file speaks of the usual week only.
        assert [(each.weekday, each.closes.hour, each.valid_from_on) for each in openings] == [
            (4, 10, date(2026, 4, 1)),
            (4, 12, None),
        ]


async def test_a_room_that_is_no_longer_listed_is_closed_and_may_open_again(database: Database) -> None:
    await sites(database)
    fewer = "code;nom;adresse;code postal;ville;salles;horaires\nLYON-1;Centre Est;12 rue du Lac;69003;Lyon;{};-\n"
    for rooms, expected in (("Salle 2|Salle 3", {"Salle 2", "Salle 3"}), ("Salle 1", {"Salle 1"}), ("-", set())):
        assert (await sites(database, fewer.format(rooms))).updated == 1
        async with database.reading() as session:
            lyon = (await session.scalars(select(Site).where(Site.code == "LYON-1"))).one()
            found = await session.scalars(
                select(ConsultingRoom.name).where(ConsultingRoom.site_id == lyon.id, ConsultingRoom.is_active)
            )
            assert set(found) == expected
    async with database.reading() as session:
        # Three of LYON-1, one of them closed, and the one of the site that the second file does not name.
        assert await session.scalar(select(func.count(ConsultingRoom.id))) == 4
        assert await session.scalar(select(func.count(SiteHours.id))) == 1


@pytest.mark.parametrize(
    ("line", "column", "code"),
    [
        ("10000000000,Faure,Hélène,,,,,,", "RPPS", "rpps_key_wrong"),
        (",Faure,Hélène,,,,,,", "RPPS", "value_missing"),
        (f"{rpps(2)},,Hélène,,,,,,", "nom", "value_missing"),
        (f"{rpps(2)},Faure,Hélène,,,Mars/Olympus,,,", "fuseau", "zone_unknown"),
        (f"{rpps(2)},Faure,Hélène,,12,,,,", "téléphone", "phone_unreadable"),
        (f"{rpps(2)},Faure,Hélène,,,,A,,", "procédures", "approval_malformed"),
        (f"{rpps(2)},Faure,Hélène,,,,D 2026-01-01..,,", "procédures", "approval_malformed"),
        (f"{rpps(2)},Faure,Hélène,,,,A 2026-02-30..,,", "procédures", "day_not_real"),
        (f"{rpps(2)},Faure,Hélène,,,,A 2026-02-03..2026-02-01,,", "procédures", "range_backwards"),
        (f"{rpps(2)},Faure,Hélène,,,,,lun 9-12,", "ouvertures", "place_missing"),
        (f"{rpps(2)},Faure,Hélène,,,,,lun 9-12 NULLEPART,", "ouvertures", "site_unknown"),
        (f"{rpps(2)},Faure,Hélène,,,,,lun 9-12 video|lun 11-13 video,", "ouvertures", "ranges_overlap"),
        (f"{rpps(2)},Faure,Hélène,,,,,,inconnu@cabinet.example", "compte", "user_unknown"),
        (f"{rpps(2)},Faure,Hélène,,,,,,desk@cabinet.example", "compte", "user_unknown"),
        (f"{rpps(2)},Faure,Hélène,,,,,,marc@cabinet.example", "compte", "user_taken"),
        (f"{rpps(1)},Faure,Hélène,,,,,,", "RPPS", "twice_in_file"),
    ],
)
async def test_a_bad_doctor_is_named(database: Database, line: str, column: str, code: str) -> None:
    await account(database, "marc@cabinet.example")
    await account(database, "desk@cabinet.example", Role.HANDLER)
    data = doctors(f"{rpps(1)},Lenoir,Marc,,,,,,marc@cabinet.example", line)
    refused = await imported(database, data)
    assert [(error.line, error.column, error.code) for error in refused.errors] == [(3, column, code)]
    assert (refused.is_applied, await total(database, Doctor)) == (False, 0)
    rehearsal = await imported(database, data, GOOD, is_rehearsal=True)
    assert (rehearsal.created, await total(database, Doctor)) == (1, 0)
    report = await imported(database, data, GOOD)
    assert (report.created, report.rejected, await total(database, Doctor)) == (1, 1, 1)


@pytest.mark.parametrize(
    ("changed", "column", "code"),
    [
        ("LYON 1;Nom;Rue;69003;Lyon;;;;;", "code", "code_malformed"),
        ("video;Nom;Rue;69003;Lyon;;;;;", "code", "code_reserved"),
        (";Nom;Rue;69003;Lyon;;;;;", "code", "value_missing"),
        ("X;Nom;Rue;;Lyon;;;;;", "code postal", "value_missing"),
        ("X;Nom;;69003;Lyon;;;;;", "adresse", "value_missing"),
        ("X;Nom;Rue;69003;Lyon;;;69 96;;", "départements", "department_unknown"),
        ("X;Nom;Rue;69003;Lyon;;;;;lun 18-8", "horaires", "range_backwards"),
        (f"X;Nom;Rue;69003;Lyon;;;;{'x' * 61};", "salles", "too_long"),
    ],
)
async def test_a_bad_site_is_named(database: Database, changed: str, column: str, code: str) -> None:
    report = await sites(database, SITES + changed + "\n")
    assert [(error.line, error.column, error.code) for error in report.errors] == [(4, column, code)]
    assert await total(database, Site) == 0
