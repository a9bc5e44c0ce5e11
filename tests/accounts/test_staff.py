"""Accounts and passwords."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import select

from telecontrol.accounts import passwords
from telecontrol.accounts.models import Organisation, Role, StaffUser
from telecontrol.accounts.staff import find_user, list_users
from telecontrol.db.journal import JournalEntry
from telecontrol.db.session import Database
from telecontrol.errors import Conflict, InvalidInput, NotFound

MakeUser = Callable[..., Awaitable[StaffUser]]
CHEAP = passwords.Cost(rounds=1, memory=8, lanes=1)


async def test_an_account_is_found_by_its_address_in_any_case(database: Database, make_user: MakeUser) -> None:
    user = await make_user(email="Chef.Desk@Gestion.Example", display_name="  Le   bureau ")
    async with database.reading() as session:
        found = await find_user(session, "chef.desk@gestion.example")
        assert (found.id, found.display_name) == (user.id, "Le bureau")
        assert [row.id for row in await list_users(session)] == [user.id]
        with pytest.raises(NotFound):
            await find_user(session, "nobody@gestion.example")


async def test_an_address_has_one_account(database: Database, make_user: MakeUser) -> None:
    await make_user(email="desk@gestion.example")
    with pytest.raises(Conflict) as refused:
        await make_user(email="DESK@gestion.example")
    assert refused.value.code == "user_exists"


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"email": "not an address"}, "email"),
        ({"email": "a@b"}, "email"),
        ({"display_name": "  "}, "display_name"),
        ({"password": "court"}, "password"),
    ],
)
async def test_a_bad_field_is_named(make_user: MakeUser, given: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        await make_user(**given)
    assert refused.value.field == field


async def test_only_a_handler_belongs_to_one_organisation(make_user: MakeUser, organisation: Organisation) -> None:
    assert (await make_user(organisation_id=organisation.id)).organisation_id == organisation.id
    for role in (Role.DOCTOR, Role.ADMINISTRATOR):
        with pytest.raises(InvalidInput):
            await make_user(role=role, organisation_id=organisation.id)


async def test_the_journal_names_no_one(database: Database, make_user: MakeUser, now: datetime) -> None:
    user = await make_user(email="chef@gestion.example")
    async with database.reading() as session:
        line = (await session.scalars(select(JournalEntry))).one()
        assert (line.action, line.subject_id, line.detail) == ("staff.added", str(user.id), {"role": "handler"})


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("onze lettre", "password_too_short"),
        ("x" * 201, "password_too_long"),
        ("motdepasse123", "password_too_easy"),
        ("Azerty123456!", "password_too_easy"),
        ("aaaaaaaabbbb", "password_too_easy"),
        ("dupont.jeanne2026", "password_too_easy"),
    ],
)
def test_weak_passwords_are_refused(password: str, code: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        passwords.check_strength(password, email="Dupont.Jeanne@gestion.example")
    assert (refused.value.code, refused.value.field) == (code, "password")


def test_a_sentence_is_a_good_password() -> None:
    passwords.check_strength("quatre chevaux à minuit", email="dupont@gestion.example")


async def test_a_hash_is_argon2id_salted_and_checked() -> None:
    first, second = [await passwords.hash_password("un mot, puis deux", cost=CHEAP) for _ in range(2)]
    assert first.startswith("$argon2id$")
    assert first != second
    assert await passwords.is_right("un mot, puis deux", first, cost=CHEAP)
    assert not await passwords.is_right("un mot, puis trois", first, cost=CHEAP)
    assert not await passwords.is_right("un mot, puis deux", None, cost=CHEAP)
    assert not await passwords.is_right("un mot, puis deux", "not a hash", cost=CHEAP)


def test_the_standard_cost_is_at_least_what_owasp_asks() -> None:
    assert passwords.STANDARD.memory >= 19 * 1024
    assert passwords.STANDARD.rounds >= 2
