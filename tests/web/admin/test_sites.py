"""Sites: added, changed, their rooms and hours; where people are convoked already, the desk is to be told."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from datetime import time
from typing import Any

import pytest
from sqlalchemy import select

from telecontrol.controls.policies import Mode
from telecontrol.scheduling.models import ConsultingRoom, Site, SiteHours
from telecontrol.web import paths
from tests.support.crawling import forms_of
from tests.support.filling import fill, filled
from tests.support.insured import Visitor, book_video
from tests.support.seeding import Seeded
from tests.support.service import Service

HERE = paths.ADMIN_SITES
NEW = f"{HERE}/new"
GIVEN = {
    "code": "BARACHOIS",
    "name": "Maison du Barachois",
    "address": "2 rue de Nice",
    "postcode": "97400",
    "city": "Saint-Denis",
}


async def test_a_site_is_added_once_with_the_zone_of_its_postcode(
    service: Service, admin: Visitor, acts: Callable[..., Any]
) -> None:
    typed = filled(await admin.get(NEW), NEW, **GIVEN, phone="0262 00 00 00", departments="976, 974  2a")
    pages = await asyncio.gather(*(admin.post(NEW, typed) for _ in range(3)))
    assert len({page.path for page in pages}) == 1
    assert "Personne ne peut encore être convoqué ici." in pages[0].words
    assert "heure de La Réunion" in pages[0].words
    async with service.runtime.database.reading() as session:
        site = (await session.scalars(select(Site).where(Site.code == "BARACHOIS"))).one()
    assert (site.zone, site.phone, site.departments) == ("Indian/Reunion", "+262262000000", ["2A", "974", "976"])
    listed = await admin.get(HERE)
    for said in ("Aucune salle", "Aucune heure", "2A, 974, 976", "lun mar mer jeu ven"):
        assert said in listed.words
    page = await fill(admin, pages[0], pages[0].path, departments="", access="Au rez-de-chaussée")
    assert "Le site est enregistré." in page.words
    assert await acts("fields") == [("site.created", None), ("site.updated", ["access", "departments"])]


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"code": "lyon"}, "Ce code est déjà celui d'un autre."),
        ({"code": "video"}, "Ce mot a déjà un sens dans les fichiers d'import"),
        ({"code": "deux mots"}, "Des lettres, des chiffres et des tirets"),
        ({"name": ""}, "Ce champ est nécessaire."),
        ({"postcode": "9740"}, "Un code postal français a cinq chiffres."),
        ({"postcode": "98800"}, "Ce territoire n'est pas desservi"),
        ({"departments": "69, 99"}, "Il n'y a pas de département « 99 »."),
        ({"access": "x" * 501}, "Au plus 500 caractères."),
    ],
)
async def test_a_field_at_fault_is_named(admin: Visitor, typed: dict[str, str], said: str) -> None:
    page = await fill(admin, NEW, NEW, **{**GIVEN, **typed})
    assert page.status == 422
    assert said in page.words
    assert 'value="2 rue de Nice"' in page.html


async def test_rooms_are_opened_renamed_and_closed(
    service: Service, admin: Visitor, seeded: Seeded, acts: Callable[..., Any]
) -> None:
    here = f"{HERE}/{seeded.world.site.id}"
    room = f"{here}/rooms/{seeded.world.room.id}"
    for _ in range(2):
        await fill(admin, here, f"{here}/rooms", room="  Salle   2 ")
    page = await fill(admin, here, f"{here}/rooms", room="")
    assert (page.status, "Ce champ est nécessaire." in page.words) == (422, True)
    page = await fill(admin, here, room, room="Salle 2")
    assert page.status == 422
    assert "Une autre salle porte ce nom." in page.words
    await fill(admin, here, room, room="Grande salle")
    closing = filled(await admin.get(here), f"{room}/close")
    for _ in range(2):
        page = await admin.post(f"{room}/close", closing)
        assert "La salle est fermée." in page.words
    page = await fill(admin, page, f"{room}/open")
    assert "La salle est ouverte." in page.words
    await fill(admin, page, f"{room}/close")
    await fill(admin, here, f"{here}/rooms", room="Grande salle")
    async with service.runtime.database.reading() as session:
        rooms = list(await session.scalars(select(ConsultingRoom).order_by(ConsultingRoom.name)))
    assert [(each.name, each.is_active) for each in rooms] == [("Grande salle", True), ("Salle 2", True)]
    assert await acts() == [
        "room.closed",
        "room.closed",
        "room.created",
        "room.opened",
        "room.opened",
        "room.renamed",
    ]
    assert (await admin.post(f"{here}/rooms/{uuid.uuid4()}/close", closing)).status == 404


async def test_hours_are_added_to_days_and_taken_back(
    service: Service, admin: Visitor, seeded: Seeded, acts: Callable[..., Any]
) -> None:
    here = f"{HERE}/{seeded.world.site.id}"
    typed: dict[str, Any] = {"weekdays": ["5"], "opens": "09:00", "closes": "12:30"}
    for _ in range(2):
        await fill(admin, here, f"{here}/hours", **typed)
    for wrong, said in (
        ({"weekdays": []}, "Choisissez au moins un jour."),
        ({"closes": ""}, "Ce champ est nécessaire."),
        ({"closes": "08:00"}, "La fin vient avant le début."),
        ({"weekdays": ["5", "6"], "opens": "12:00", "closes": "14:00"}, "Le site est déjà ouvert"),
    ):
        page = await fill(admin, here, f"{here}/hours", **{**typed, **wrong})
        assert page.status == 422, wrong
        assert said in page.words, wrong
    async with service.runtime.database.reading() as session:
        saturday = (await session.scalars(select(SiteHours).where(SiteHours.weekday == 5))).one()
        assert await session.scalar(select(SiteHours).where(SiteHours.weekday == 6)) is None, "all or nothing"
    assert (saturday.opens, saturday.closes) == (time(9), time(12, 30))
    remove = f"{here}/hours/{saturday.id}/remove"
    gone = filled(await admin.get(here), remove)
    for _ in range(2):
        assert (await admin.post(remove, gone)).status == 200
    assert await acts() == ["site.hours_added", "site.hours_removed"]


async def test_a_site_that_moves_says_whom_it_leaves_waiting(service: Service, admin: Visitor, seeded: Seeded) -> None:
    await book_video(service, seeded.world, mode=Mode.SURGERY, site_id=seeded.world.site.id)
    here = f"{HERE}/{seeded.world.site.id}"
    page = await fill(admin, here, here, phone="04 72 00 00 00")
    assert "Le site est enregistré." in page.words
    assert "convoquées" not in page.words
    page = await fill(admin, here, here, address="3 rue de la Paix")
    assert "Personnes déjà convoquées ici : 1. Demandez au bureau de les prévenir." in page.words


async def test_what_is_removed_belongs_to_the_site(admin: Visitor, service: Service, seeded: Seeded) -> None:
    other = await fill(admin, NEW, NEW, **GIVEN)
    token = {"csrf_token": (other.form("/sign-out") or {})["csrf_token"]}
    async with service.runtime.database.reading() as session:
        hours = (await session.scalars(select(SiteHours).where(SiteHours.weekday == 0))).one()
    await admin.post(f"{other.path}/hours/{hours.id}/remove", token)
    assert (await admin.post(f"{other.path}/rooms/{seeded.world.room.id}/close", token)).status == 404
    page = await admin.get(f"{HERE}/{seeded.world.site.id}")
    assert f"{page.path}/hours/{hours.id}/remove" in [form.action for form in forms_of(page.path, page.html)]
    assert (await admin.get(f"{HERE}/{uuid.uuid4()}")).status == 404
