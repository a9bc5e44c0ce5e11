"""Somebody who came by a link, over real HTTP: reads pages, fills in their forms, goes back, opens a second window."""

from __future__ import annotations

import re
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from html.parser import HTMLParser
from typing import Any

import httpx2

from telecontrol.accounts.links import mint_link
from telecontrol.accounts.models import LinkPurpose
from telecontrol.controls.models import Control
from telecontrol.controls.policies import Mode
from telecontrol.db.base import Base
from telecontrol.scheduling.booking import book
from telecontrol.scheduling.dossier import Dossier, load_dossier
from telecontrol.scheduling.models import Appointment
from tests.support.service import Service
from tests.support.world import HANDLER, World

MONDAY_NINE = datetime(2026, 3, 9, 8, 0, tzinfo=UTC)
"""09:00 in Paris."""
BIRTH = date(1985, 5, 17)


class _Forms(HTMLParser):
    """The forms of a page, with the fields a browser would send untouched."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.forms: list[tuple[str, dict[str, str]]] = []
        self.choices: list[tuple[str, str]] = []
        self._open = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._open = True
            # A form that only asks for another view of a page posts to nothing.
            is_post = given.get("method", "get").lower() == "post"
            self.forms.append((given.get("action", "") if is_post else "", {}))
        elif self._open and tag == "input" and given.get("name"):
            if given.get("type") in ("radio", "checkbox"):
                self.choices.append((given["name"], given.get("value", "")))
            else:
                self.forms[-1][1][given["name"]] = given.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = False


@dataclass(slots=True)
class Page:
    """An answer, after its redirects."""

    response: httpx2.Response

    @property
    def status(self) -> int:
        return self.response.status_code

    @property
    def path(self) -> str:
        return self.response.url.path

    @property
    def html(self) -> str:
        return self.response.text

    @property
    def words(self) -> str:
        """What is read: no tags, plain spaces and apostrophes."""
        text = re.sub(r"<(script|style|svg).*?</\1>", " ", self.html, flags=re.DOTALL)
        text = re.sub(r"<[^>]+>", " ", text).replace("’", "'")
        for entity, sign in (("&amp;", "&"), ("&#39;", "'"), ("&#34;", '"'), ("&lt;", "<"), ("&gt;", ">")):
            text = text.replace(entity, sign)
        return re.sub(r"[\s\u00a0\u202f]+", " ", text)

    @property
    def title(self) -> str:
        found = re.search(r"<h1[^>]*>(.*?)</h1>", self.html, re.DOTALL)
        return re.sub(r"[\s\u00a0\u202f]+", " ", found[1]).replace("’", "'").strip() if found else ""

    def form(self, action: str) -> dict[str, str] | None:
        """The fields of the form that posts to `action`, as they stand; None when the page has no such form."""
        return next((dict(fields) for where, fields in _Forms(self.html).forms if where == action), None)

    def choices(self, name: str) -> list[str]:
        return [value for field, value in _Forms(self.html).choices if field == name]

    def links_to(self, path: str) -> bool:
        return f'href="{path}"' in self.html


@dataclass(slots=True)
class Visitor:
    """A browser. Its `http` keeps cookies and follows redirects."""

    http: httpx2.AsyncClient

    async def get(self, path: str, **headers: str) -> Page:
        return Page(await self.http.get(path, headers=headers))

    async def press(self, page: Page, action: str, **values: str) -> Page:
        """Send the form of `page` that posts to `action`, filled in with `values`."""
        fields = page.form(action)
        assert fields is not None, f"no form to {action} on {page.path}: {page.title}"
        return await self.post(action, {**fields, **values})

    async def post(self, path: str, fields: dict[str, str]) -> Page:
        return Page(await self.http.post(path, data=fields))

    async def enter(self, link: str, *, birth: date | None = BIRTH) -> Page:
        """Open a link, press its button, and give a birth date when it is asked."""
        gate = await self.get(link)
        assert gate.status == 200, gate.title
        page = await self.press(gate, link)
        if birth is not None and page.form("/r/birth-date") is not None:
            page = await self.give(page, birth)
        return page

    async def give(self, page: Page, birth: date) -> Page:
        values = {"birth_day": str(birth.day), "birth_month": str(birth.month), "birth_year": str(birth.year)}
        return await self.press(page, "/r/birth-date", **values)


@asynccontextmanager
async def visiting(service: Service, **headers: str) -> AsyncIterator[Visitor]:
    async with service.browser() as http:
        http.headers.update({"Accept-Language": "fr", **headers})
        yield Visitor(http)


async def book_video(
    service: Service, world: World, starts_at: datetime = MONDAY_NINE, *, control: Control | None = None, **given: Any
) -> Appointment:
    async with service.runtime.database.transaction() as session:
        return await book(
            session,
            **{
                "operator": service.runtime.operator,
                "control_id": (control or world.control).id,
                "doctor_id": world.doctor.id,
                "starts_at": starts_at,
                "actor": HANDLER,
                "now": service.clock.now(),
                "mode": Mode.VIDEO,
                "hold": timedelta(0),
                **given,
            },
        )


async def link_to(
    service: Service, appointment: Appointment, *, purpose: LinkPurpose = LinkPurpose.ACT, **given: Any
) -> str:
    """The path of a fresh link, as a message carries it."""
    async with service.runtime.database.transaction() as session:
        token = await mint_link(
            session,
            **{
                "appointment_id": appointment.id,
                "insured_id": appointment.insured_id,
                "control_id": appointment.control_id,
                "purpose": purpose,
                "now": service.clock.now(),
                "expires_at": appointment.ends_at + timedelta(days=30),
                **given,
            },
        )
    return f"/i/{token}"


async def dossier_of(service: Service, appointment_id: uuid.UUID) -> Dossier:
    async with service.runtime.database.reading() as session:
        return await load_dossier(session, appointment_id)


async def everything(service: Service) -> dict[str, list[Any]]:
    """Every row of every table, to see that nothing changed."""
    async with service.runtime.database.reading() as session:
        return {
            table.name: sorted(map(repr, (await session.execute(table.select())).all()))
            for table in Base.metadata.sorted_tables
        }
