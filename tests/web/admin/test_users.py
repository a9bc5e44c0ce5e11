"""Accounts: opened with a role, changed, closed and opened again; nobody shuts themselves, or everybody, out."""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select

from telecontrol.accounts.directory import close_account
from telecontrol.accounts.models import Role, StaffUser
from telecontrol.accounts.sign_in import Refused, SignedIn, Throttled, sign_in
from telecontrol.accounts.staff import add_user
from telecontrol.controls.models import Doctor
from telecontrol.db.journal import SERVICE, Actor, ActorKind
from telecontrol.errors import Conflict
from telecontrol.web import paths
from tests.support.filling import fill, filled
from tests.support.insured import Visitor
from tests.support.seeding import ADMINISTRATOR, DOCTOR, HANDLER, PASSWORD, Seeded
from tests.support.service import Service
from tests.support.staffing import signed_in

HERE = paths.ADMIN_USERS
NEW = f"{HERE}/new"
GOOD = "une phrase assez longue"


async def of(service: Service, email: str) -> StaffUser:
    async with service.runtime.database.reading() as session:
        return (await session.scalars(select(StaffUser).where(StaffUser.email == email))).one()


async def enter(service: Service, email: str, password: str) -> SignedIn | Refused | Throttled:
    async with service.runtime.database.transaction() as session:
        return await sign_in(session, email=email, password=password, address="127.0.0.1", now=service.clock.now())


async def test_the_role_comes_first_then_what_it_needs(admin: Visitor, seeded: Seeded) -> None:
    page = await admin.get(NEW)
    for role in Role:
        assert f"{NEW}?role={role}" in page.html
    asked = {
        role: {
            name
            for name in ("organisation_id", "rpps")
            if f'name="{name}"' in (await admin.get(f"{NEW}?role={role}")).html
        }
        for role in Role
    }
    assert asked == {Role.HANDLER: {"organisation_id"}, Role.DOCTOR: {"rpps"}, Role.ADMINISTRATOR: set()}


async def test_an_account_is_opened_once_and_lets_somebody_in(
    service: Service, admin: Visitor, seeded: Seeded, acts: Callable[..., Any]
) -> None:
    typed = filled(
        await admin.get(f"{NEW}?role=handler"),
        NEW,
        display_name="Agathe Vidal",
        email="Agathe@Gestion.example",
        password=GOOD,
        organisation_id=str(seeded.world.organisation.id),
        language="en",
    )
    pages = await asyncio.gather(*(admin.post(NEW, typed) for _ in range(3)))
    assert len({page.path for page in pages}) == 1
    assert GOOD not in pages[0].html
    user = await of(service, "agathe@gestion.example")
    assert (user.organisation_id, user.language) == (seeded.world.organisation.id, "en")
    async with signed_in(service, user, password=GOOD) as visitor:
        page = await visitor.get("/desk")
        assert page.status == 200
        assert "Caisse de Test" in page.words
    assert await acts("role") == [("staff.added", "handler")]


@pytest.mark.parametrize(
    ("role", "typed", "said"),
    [
        ("handler", {"email": "agathe"}, "Cette adresse n'est pas complète"),
        ("handler", {"email": HANDLER}, "Un compte a déjà cette adresse."),
        ("handler", {"display_name": " "}, "Indiquez un nom"),
        ("handler", {"password": "court"}, "Au moins 12 caractères."),
        ("handler", {"password": "motdepasse123"}, "Trop facile à deviner"),
        ("handler", {"organisation_id": str(uuid.UUID(int=1))}, "Choisissez un organisme de la liste."),
        ("doctor", {"rpps": "10100000016"}, "Aucun médecin n'a ce numéro."),
        ("doctor", {"rpps": "10100000017"}, "un de ses chiffres est faux"),
    ],
)
async def test_a_field_at_fault_is_named_and_no_password_comes_back(
    service: Service, admin: Visitor, role: str, typed: dict[str, str], said: str
) -> None:
    given = {"display_name": "Agathe", "email": "agathe@gestion.example", "password": GOOD, **typed}
    page = await fill(admin, f"{NEW}?role={role}", NEW, **given)
    assert page.status == 422
    assert said in page.words
    assert given["password"] not in page.html
    async with service.runtime.database.reading() as session:
        assert await session.scalar(select(func.count(StaffUser.id))) == 5, "the world's two and the seed's three"


async def test_a_doctors_account_is_linked_to_one_doctor(service: Service, admin: Visitor, seeded: Seeded) -> None:
    async with service.runtime.database.transaction() as session:
        session.add(Doctor(rpps="10100000016", family_name="Zidane", given_name="Nora", email="nora@cabinet.example"))
    form = await admin.get(f"{NEW}?role=doctor&rpps=10100000016")
    assert 'value="nora@cabinet.example"' in form.html
    page = await fill(admin, form, NEW, password=GOOD)
    assert "Nora Zidane" in page.words
    again = await fill(admin, form, NEW, once=str(uuid.uuid4()), email="autre@cabinet.example", password=GOOD)
    assert "Ce médecin a déjà un compte." in again.words
    async with service.runtime.database.reading() as session:
        assert await session.scalar(select(func.count(StaffUser.id))) == 6, "nothing half done"


async def test_an_account_is_changed(service: Service, admin: Visitor, acts: Callable[..., Any]) -> None:
    user = await of(service, HANDLER)
    here = f"{HERE}/{user.id}"
    page = await fill(admin, here, here, display_name="Le bureau", email="bureau@essai.example", language="en")
    assert page.title.startswith("Le bureau")
    page = await fill(admin, here, here, email=DOCTOR)
    assert (page.status, "Un compte a déjà cette adresse." in page.words) == (422, True)
    assert page.title.startswith("Le bureau")
    assert isinstance(await enter(service, "bureau@essai.example", PASSWORD), SignedIn)
    assert await acts("fields") == [("staff.updated", ["email", "display_name", "language"])]


async def test_a_new_password_ends_every_sign_in(
    service: Service, admin: Visitor, seeded: Seeded, acts: Callable[..., Any]
) -> None:
    user = await of(service, HANDLER)
    here = f"{HERE}/{user.id}"
    async with signed_in(service, user, password=PASSWORD) as visitor:
        assert (await visitor.get("/desk")).path == "/desk"
        page = await fill(admin, here, f"{here}/password", password="trop court")
        assert (page.status, "Au moins 12 caractères." in page.words) == (422, True)
        assert (await visitor.get("/desk")).path == "/desk"
        page = await fill(admin, here, f"{here}/password", password=GOOD)
        assert "Le mot de passe est changé" in page.words
        assert (await visitor.get("/desk")).path == "/sign-in"
    assert isinstance(await enter(service, HANDLER, PASSWORD), Refused)
    assert isinstance(await enter(service, HANDLER, GOOD), SignedIn)
    assert await acts() == ["staff.password_set"]


async def test_an_account_is_closed_everywhere_and_opened_again(
    service: Service, admin: Visitor, acts: Callable[..., Any]
) -> None:
    user = await of(service, HANDLER)
    here = f"{HERE}/{user.id}"
    async with signed_in(service, user, password=PASSWORD) as visitor:
        form = filled(await admin.get(here), f"{here}/deactivate")
        for _ in range(2):
            page = await admin.post(f"{here}/deactivate", form)
            assert "Le compte est fermé" in page.words
        assert (await visitor.get("/desk")).path == "/sign-in"
    assert isinstance(await enter(service, HANDLER, PASSWORD), Refused)
    form = filled(await admin.get(here), f"{here}/reactivate")
    for _ in range(2):
        await admin.post(f"{here}/reactivate", form)
    assert isinstance(await enter(service, HANDLER, PASSWORD), SignedIn)
    assert await acts() == ["staff.deactivated", "staff.reactivated"]


async def test_nobody_closes_their_own_account(service: Service, admin: Visitor) -> None:
    user = await of(service, ADMINISTRATOR)
    here = f"{HERE}/{user.id}"
    page = await admin.get(here)
    assert "Vous ne pouvez pas fermer votre propre compte." in page.words
    token = {"csrf_token": (page.form("/sign-out") or {})["csrf_token"]}
    page = await admin.post(f"{here}/deactivate", token)
    assert "Vous ne pouvez pas fermer votre propre compte." in page.words
    assert (await of(service, ADMINISTRATOR)).is_active


async def test_somebody_can_always_administer(service: Service, seeded: Seeded) -> None:
    """Two administrators close each other's account at the same time: one of them stays."""
    async with service.runtime.database.transaction() as session:
        other = await add_user(
            session,
            email="admin2@essai.example",
            display_name="Deux",
            role=Role.ADMINISTRATOR,
            password=GOOD,
            actor=SERVICE,
            now=service.clock.now(),
        )
    one = await of(service, ADMINISTRATOR)

    async def close(who: StaffUser, by: StaffUser) -> None:
        async with service.runtime.database.transaction() as session:
            user = await session.get_one(StaffUser, who.id)
            actor = Actor(ActorKind.STAFF, str(by.id), "administrator")
            await close_account(session, user, actor=actor, now=service.clock.now())

    outcomes = await asyncio.gather(close(one, other), close(other, one), return_exceptions=True)
    refusals = [each for each in outcomes if each is not None]
    assert [each.code for each in refusals if isinstance(each, Conflict)] == ["last_administrator"]
    async with service.runtime.database.reading() as session:
        left = await session.scalar(
            select(func.count(StaffUser.id)).where(StaffUser.role == Role.ADMINISTRATOR, StaffUser.is_active)
        )
    assert left == 1


async def test_somebody_held_after_wrong_passwords_is_let_in(
    service: Service, admin: Visitor, acts: Callable[..., Any]
) -> None:
    for _ in range(6):
        await enter(service, HANDLER, "faux, encore faux")
    assert isinstance(await enter(service, HANDLER, PASSWORD), Throttled)
    user = await of(service, HANDLER)
    assert "Retenu après trop d'essais" in (await admin.get(HERE)).words
    here = f"{HERE}/{user.id}"
    form = filled(await admin.get(here), f"{here}/unlock")
    for _ in range(2):
        page = await admin.post(f"{here}/unlock", form)
        assert "Cette personne peut réessayer tout de suite." in page.words
    assert isinstance(await enter(service, HANDLER, PASSWORD), SignedIn)
    assert await acts() == ["staff.unlocked"]


async def test_the_list_is_searched_by_words_role_and_page(service: Service, admin: Visitor) -> None:
    async with service.runtime.database.transaction() as session:
        session.add_all(
            StaffUser(
                email=f"p{number:03d}@gestion.example",
                display_name=f"Personne {number:03d}",
                role=Role.HANDLER,
                password_hash="!",
                created_at=service.clock.now(),
            )
            for number in range(60)
        )
    page = await admin.get(HERE)
    assert "65 comptes" in page.words
    assert page.html.count("<tr>") == 51
    assert "Aucun médecin" not in (await admin.get(f"{HERE}?role=administrator")).words
    assert re.search(r"\b1 compte\b", (await admin.get(f"{HERE}?q=PERSONNE 007")).words)
    assert "Aucun compte ne correspond" in (await admin.get(f"{HERE}?q=p_")).words, "a sign is a sign"
    assert "p" in (await admin.get(f"{HERE}?q=personne&page=2")).words
    assert (await admin.get(f"{HERE}/{uuid.uuid4()}")).status == 404
