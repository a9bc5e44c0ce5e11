"""Organisations and their keys: added once, changed, every fault named, a key shown once."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select

from telecontrol.accounts.models import ApiKey, Organisation
from tests.support.filling import fill, filled
from tests.support.insured import Page, Visitor
from tests.support.seeding import Seeded
from tests.support.service import Service

HERE = "/admin/organisations"
NEW = f"{HERE}/new"
KEY = re.compile(r"tck_[\w-]{43}")


async def test_an_organisation_is_added_once_and_changed(
    service: Service, admin: Visitor, acts: Callable[..., Any]
) -> None:
    form = await admin.get(NEW)
    typed = filled(form, NEW, name="Caisse du Rhône", code="cpam-69", mandate="Votre caisse.", phone="04 72 00 00 00")
    pages = await asyncio.gather(*(admin.post(NEW, typed) for _ in range(3)))
    assert len({page.path for page in pages}) == 1, "pressed three times, one row"
    (page,) = {page.path: page for page in pages}.values()
    assert page.title.startswith("Caisse du Rhône")
    assert "04 72 00 00 00" in (await admin.get(HERE)).words

    page = await fill(
        admin, page, page.path, name="CPAM du Rhône", mandate_en="Your fund.", accent_colour="#1D5FA8", is_active=None
    )
    assert "CPAM du Rhône Inactif" in page.words
    assert "accent?accent_colour=%231d5fa8" in page.html
    assert await acts() == ["organisation.created", "organisation.updated"]
    assert await acts("fields") == [
        ("organisation.created", None),
        ("organisation.updated", ["name", "mandate_en", "accent_colour", "is_active"]),
    ]


async def test_every_fault_is_named_and_what_was_typed_stays(admin: Visitor, acts: Callable[..., Any]) -> None:
    page = await fill(
        admin, NEW, NEW, name="  ", code="deux mots", mandate="m" * 301, phone="12", accent_colour="rouge"
    )
    assert page.status == 422
    for said in (
        "Ce champ est nécessaire.",
        "Des lettres, des chiffres et des tirets",
        "Au plus 300 caractères.",
        "Ce numéro n'est pas complet.",
        "Une couleur s'écrit avec un dièse",
    ):
        assert said in page.words
    assert page.html.count('aria-invalid="true"') == 5
    for kept in ("deux mots", "m" * 301, 'value="12"', 'value="rouge"'):
        assert kept in page.html
    assert await acts() == []


async def test_a_code_is_one_organisations(service: Service, admin: Visitor, seeded: Seeded) -> None:
    page = await fill(admin, NEW, NEW, name="Autre", code=seeded.world.organisation.code)
    assert page.status == 422
    assert "Ce code est déjà celui d'un autre." in page.words
    other = await fill(admin, NEW, NEW, name="Autre", code="autre")
    page = await fill(admin, other, other.path, code=seeded.world.organisation.code)
    assert page.status == 422
    assert page.title.startswith("Autre"), "the page is still that of the row as it is kept"
    async with service.runtime.database.reading() as session:
        assert await session.scalar(select(func.count(Organisation.id))) == 2


async def test_the_accent_is_drawn_as_the_insured_will_see_it(admin: Visitor) -> None:
    drawn = await admin.http.get(f"{HERE}/accent?accent_colour=%23ffee00")
    assert drawn.headers["content-type"] == "image/svg+xml"
    light, dark = drawn.text.split("</g>")[:2]
    assert "#ffee00" not in light, "too light to be read on white: darkened"
    assert "#ffee00" in dark
    assert (await admin.get(f"{HERE}/accent?accent_colour=red")).status == 404
    part = await admin.get(f"{HERE}/accent/preview?accent_colour=%231d5fa8")
    assert 'src="/admin/organisations/accent?accent_colour=%231d5fa8"' in part.html
    typing = await admin.get(f"{HERE}/accent/preview?accent_colour=%231d5")
    assert "<img" not in typing.html


def _shown(page: Page) -> list[str]:
    return sorted(set(KEY.findall(page.html)))


async def test_a_key_is_shown_once_and_opens_what_was_ticked(
    service: Service, admin: Visitor, seeded: Seeded, acts: Callable[..., Any]
) -> None:
    here = f"{HERE}/{seeded.world.organisation.id}"
    page = await admin.get(here)
    typed = filled(page, f"{here}/keys", name="Logiciel de paie", scopes=["controls:read"])
    shown = await admin.post(f"{here}/keys", typed)
    (key,) = _shown(shown)
    assert _shown(await admin.get(here)) == [], "not twice"
    assert "tc_new_key" not in admin.http.cookies

    headers = {"Authorization": f"Bearer {key}"}
    assert (await service.http.get("/api/v1/controls", headers=headers)).status_code == 200
    assert (await service.http.get("/api/v1/slots", headers=headers)).status_code == 403

    again = await admin.post(f"{here}/keys", typed)
    assert "Cette clé est déjà faite." in again.words
    assert _shown(again) == []
    assert await acts() == ["api_key.issued"]

    about_it = (await admin.get(here)).html.split("Logiciel de paie")[1]
    link = re.findall(rf'{here}/keys/[0-9a-f-]{{36}}/revoke(?=")', about_it)[0]
    asked = await admin.get(link)
    assert "Révoquer la clé" in asked.title
    for _ in range(2):
        page = await admin.post(link, asked.form(link) or {})
        assert page.path == here
    assert "Révoquée" in page.words
    assert (await service.http.get("/api/v1/controls", headers=headers)).status_code == 401
    assert await acts() == ["api_key.issued", "api_key.revoked"]


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"name": "", "scopes": ["controls:read"]}, "Donnez un nom à la clé"),
        ({"name": "paie", "scopes": []}, "Donnez un nom à la clé"),
        ({"name": "paie", "scopes": ["everything"]}, "Choisissez des droits de la liste."),
    ],
)
async def test_a_key_needs_a_name_and_known_rights(
    service: Service, admin: Visitor, seeded: Seeded, typed: dict[str, Any], said: str
) -> None:
    here = f"{HERE}/{seeded.world.organisation.id}"
    page = await fill(admin, here, f"{here}/keys", **typed)
    assert page.status == 422
    assert said in page.words
    async with service.runtime.database.reading() as session:
        assert await session.scalar(select(func.count(ApiKey.id))) == 1, "the seed's alone"


async def test_a_closed_organisation_imports_nothing_and_its_keys_open_nothing(
    service: Service, admin: Visitor, seeded: Seeded
) -> None:
    here = f"{HERE}/{seeded.world.organisation.id}"
    await fill(admin, here, here, is_active=None)
    assert (await service.http.get("/api/v1/controls", headers=seeded.key)).status_code == 401
    await fill(admin, here, here, is_active="1")
    assert (await service.http.get("/api/v1/controls", headers=seeded.key)).status_code == 200


async def test_a_key_of_another_organisation_is_none(service: Service, admin: Visitor, seeded: Seeded) -> None:
    other = await fill(admin, NEW, NEW, name="Autre", code="autre")
    async with service.runtime.database.reading() as session:
        key = (await session.scalars(select(ApiKey))).one()
    assert (await admin.get(f"{other.path}/keys/{key.id}/revoke")).status == 404
    token = {"csrf_token": (other.form("/sign-out") or {})["csrf_token"]}
    assert (await admin.post(f"{other.path}/keys/{key.id}/revoke", token)).status == 404
    async with service.runtime.database.reading() as session:
        assert (await session.scalars(select(ApiKey.revoked_at))).one() is None
