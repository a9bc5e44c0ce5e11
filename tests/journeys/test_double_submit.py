"""(f) Every form sent twice, as by a double click or from two tabs: the second time nothing more happens.

The forms are those that people really meet: every page of a service that has lived nine days is read by each of them, and each
kind of form found there is sent twice from the same state, which is put back before the next.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import httpx2
import pytest_asyncio
from sqlalchemy import select
from sqlalchemy.engine import make_url
from sqlalchemy.orm import joinedload

from telecontrol.accounts.models import FailedTry, InsuredVisit, StaffSignIn
from telecontrol.controls.models import Control
from telecontrol.db.journal import SERVICE
from telecontrol.demo.people import PASSWORD, add_cast
from telecontrol.demo.story import DAYS_BEFORE, Story, curtain, tell
from telecontrol.reports.gateway_setup import set_gateway
from telecontrol.scheduling.models import Appointment
from telecontrol.web import paths
from telecontrol.web.local_insurer import bearer, gateway_url
from tests.support import stories
from tests.support.crawling import Form, crawl, forms_of
from tests.support.insured import Visitor, everything, link_to, visiting
from tests.support.service import Service, serving

OPENING = curtain(datetime(2026, 3, 2, 9, 0, tzinfo=UTC))
ACCOUNTS = {
    "handler": ("gestion@demo.example", paths.DESK),
    "doctor": ("helene.faure@demo.example", paths.DOCTOR),
    "administrator": ("admin@demo.example", paths.ADMIN_ORGANISATIONS),
}
SEEN = {InsuredVisit.__tablename__, FailedTry.__tablename__, StaffSignIn.__tablename__}
"""Rows that say that somebody looked, or tried: each press may leave its own."""

TYPED = {
    "reason": "Vu par téléphone",
    "waiver_reason": "Accord donné par téléphone",
    "email": "autre.adresse@exemple.example",
    "phone": "06 39 98 00 77",
    "password": PASSWORD,
    "birth_day": "17",
    "birth_month": "5",
    "birth_year": "1985",
    "first_on": "2026-06-01",
    "last_on": "2026-06-02",
    "on": "2026-06-03",
    "opens": "18:30",
    "closes": "19:30",
    "name": "Essai",
    "code": "essai-1",
    "address": "1 rue de l'Exemple",
    "postcode": "69003",
    "city": "Lyon",
    "room": "Salle 9",
    "given_name": "Prénom",
    "family_name": "Nom",
    "rpps": "10200000031",
    "display_name": "Prénom Nom",
    "reference": "TC-2222-2222",
}
"""What is typed into fields that stand empty."""
TICKED = {"scopes": "controls:read", "weekdays": "6"}
OWN = {
    "/sign-in": {"email": "gestion@demo.example"},
    # Before the hour, and with nobody let in: what needs nobody.
    "/doctor/room/{}/conclude": {"result": "technical_failure"},
    "/admin/users/new": {"password": "un autre mot de passe tranquille"},
    "/admin/users/{}/password": {"password": "un autre mot de passe tranquille"},
}
"""What one kind of form needs of its own."""


Key = tuple[str, str, tuple[str, str]]
"""Who, which kind of form, by which button or at which step."""
NOT_SENT = {
    "/demo/clock": "moves time, of which there is more each time",
    "/desk/import": "takes a file: tests/web/test_import_page.py sends one twice",
}
REFUSED = {
    "/admin/policies/A/new": "nothing in it differs from today's rules",
    "/admin/policies/B/new": "nothing in it differs from today's rules",
    "/admin/policies/C/new": "nothing in it differs from today's rules",
    "/admin/doctors/{}/approvals": "these doctors are approved for everything without an end",
}
SAYS_TAKEN = {
    "/admin/organisations/new",
    "/admin/insurers/new",
    "/admin/doctors/new",
    "/admin/sites/new",
    "/admin/users/new",
}
"""The second time they say that it exists already; nothing is made twice."""
SETS_AGAIN = {
    "/admin/users/{}/password": "a password is salted anew each time it is set, and the same one holds",
    "/sign-in": "each sign-in is a line of the journal",
}


@dataclass(slots=True)
class Twice:
    """Two answers to the same form; the tables that the first and the second press changed."""

    first: httpx2.Response
    second: httpx2.Response
    did: list[str]
    again: list[str]

    def is_wrong(self, key: Key) -> bool:
        pattern = key[1]
        if self.again and pattern not in SETS_AGAIN:
            return True
        if self.first.status_code >= 400:
            return pattern not in REFUSED
        if self.second.status_code != self.first.status_code:
            return not (pattern in SAYS_TAKEN and self.second.status_code in (409, 422))
        return _page(self.first) != _page(self.second)

    def __str__(self) -> str:
        answers = [(each.status_code, each.headers.get("location", "")) for each in (self.first, self.second)]
        return f"{answers}, first changed {self.did}, second changed {self.again}"


def _page(answer: httpx2.Response) -> str:
    """Where an answer leads, whatever the place on that page."""
    return str(answer.headers.get("location", "")).partition("#")[0]


@dataclass(slots=True)
class Person:
    visitor: Visitor
    forms: list[Form]
    cookies: httpx2.Cookies = field(init=False)

    def __post_init__(self) -> None:
        self.cookies = httpx2.Cookies(self.visitor.http.cookies)


@dataclass(slots=True)
class Met:
    """A service in a state that can be put back, and everybody who looked at it."""

    service: Service
    file: Path
    people: dict[str, Person]

    async def keep(self) -> None:
        await self.service.runtime.database.dispose()
        with sqlite3.connect(self.file) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        shutil.copyfile(self.file, self.file.with_suffix(".kept"))

    async def put_back(self) -> None:
        await self.service.runtime.database.dispose()
        for ending in ("-wal", "-shm"):
            self.file.with_name(self.file.name + ending).unlink(missing_ok=True)
        shutil.copyfile(self.file.with_suffix(".kept"), self.file)


@pytest_asyncio.fixture
async def met(sqlite_url: Callable[..., str], tmp_path: Path) -> AsyncIterator[Met]:
    url = sqlite_url()
    async with (
        serving(url, now=OPENING - timedelta(days=DAYS_BEFORE), folder=tmp_path) as service,
        AsyncExitStack() as stack,
    ):
        await _live(service)
        people: dict[str, Person] = {}
        await _somebody_waits(service, stack)
        for role, (email, home) in ACCOUNTS.items():
            visitor = await stack.enter_async_context(stories.signed_in(service, email, password=PASSWORD))
            people[role] = Person(visitor, (await crawl(visitor, home)).forms)
        nobody = await stack.enter_async_context(visiting(service))
        people["nobody"] = Person(nobody, (await crawl(nobody, "/", paths.SIGN_IN, paths.LOST_LINK)).forms)
        for number, (appointment, born) in enumerate(await _appointments(service)):
            visitor = await stack.enter_async_context(visiting(service))
            link = await link_to(service, appointment)
            gate = (await crawl(visitor, link, under=("/i/",))).forms
            await visitor.enter(link, birth=born)
            people[f"insured {number}"] = Person(
                visitor, [*gate, *(await crawl(visitor, paths.HOME, under=("/r",))).forms]
            )
        made = Met(service, Path(str(make_url(url).database)), people)
        await made.keep()
        yield made


async def _live(service: Service) -> None:
    async with service.runtime.database.transaction() as session:
        cast = await add_cast(session, now=service.clock.now())
        await set_gateway(
            session,
            cast.insurer,
            sealer=service.runtime.operator.messages,
            url=gateway_url(service.settings),
            key=bearer(service.settings),
            allow_loopback=True,
            actor=SERVICE,
            now=service.clock.now(),
        )
    await tell(Story(service.runtime, cast, OPENING))


async def _somebody_waits(service: Service, stack: AsyncExitStack) -> None:
    """One of those who may join now stands in the waiting room of the doctor who has an account here."""
    async with service.runtime.database.reading() as session:
        soon = await session.scalars(
            select(Appointment)
            .options(joinedload(Appointment.control).joinedload(Control.insured), joinedload(Appointment.doctor))
            .where(Appointment.state == "booked", Appointment.starts_at < OPENING + timedelta(minutes=15))
        )
        appointment = next(each for each in soon if each.doctor.family_name == "Faure")
    visitor = await stack.enter_async_context(visiting(service))
    await visitor.enter(await link_to(service, appointment), birth=appointment.control.insured.birth_on)
    await stories.joined(visitor)


async def _appointments(service: Service) -> list[tuple[Appointment, date]]:
    async with service.runtime.database.reading() as session:
        found = await session.scalars(
            select(Appointment).options(joinedload(Appointment.control).joinedload(Control.insured))
        )
        return [(each, each.control.insured.birth_on) for each in found if each.control.insured.birth_on]


async def test_f_every_form_sent_twice(met: Met) -> None:
    found: dict[Key, Twice] = {}
    for who, person in met.people.items():
        waiting = list(person.forms)
        while waiting:
            form = waiting.pop(0)
            for button in form.buttons or [("", "")]:
                key = (who.split()[0], form.pattern, button if button[0] else ("step", form.fields.get("step", "")))
                known = found.get(key)
                if form.pattern in NOT_SENT or (known is not None and known.first.status_code < 400):
                    continue
                await met.put_back()
                person.visitor.http.cookies = httpx2.Cookies(person.cookies)
                found[key] = await twice(met.service, person.visitor, form, button)
                if known is None and found[key].first.status_code == 200:
                    # A page that asks again before the act: its forms are sent too.
                    waiting += forms_of(form.page, found[key].first.text)
    assert len(found) > 60, "every audience's forms were met"
    signed = found["doctor", "/doctor/room/{}/conclude", ("step", "sign")]
    assert "conclusion" in signed.did, "the signature is among them"
    assert {"handler", "doctor", "administrator", "insured", "nobody"} == {who for who, _, _ in found}
    assert not (wrong := [f"{key}: {each}" for key, each in found.items() if each.is_wrong(key)]), "\n".join(wrong)


async def twice(service: Service, visitor: Visitor, form: Form, button: tuple[str, str]) -> Twice:
    data = filled(form, button)
    before = await _rows(service)
    first = await visitor.http.post(form.action, data=data, follow_redirects=False)
    between = await _rows(service)
    second = await visitor.http.post(form.action, data=data, follow_redirects=False)
    after = await _rows(service)
    return Twice(
        first,
        second,
        did=[name for name in before if before[name] != between[name]],
        again=[name for name in between if between[name] != after[name]],
    )


def filled(form: Form, button: tuple[str, str]) -> dict[str, str]:
    """What a browser sends after somebody chose the first of each list, and typed into what stood empty."""
    own = OWN.get(form.pattern, {})
    data = dict(form.fields)
    for name, values in form.choices.items():
        data[name] = data.get(name) or next((value for value in values if value), values[0])
    data |= {name: TYPED.get(name, "") for name in form.blanks}
    data |= {name: TICKED[name] for name in form.ticks if name in TICKED}
    data |= {name: value for name, value in own.items() if name in data}
    return data | ({button[0]: button[1]} if button[0] else {})


async def _rows(service: Service) -> dict[str, list[str]]:
    return {name: rows for name, rows in (await everything(service)).items() if name not in SEEN}
