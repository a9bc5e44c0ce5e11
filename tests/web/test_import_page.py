"""Importing controls on screen: rehearsed first, then all of it or the good lines, never twice."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import pytest_asyncio
from sqlalchemy import func, select

from telecontrol.controls.models import Control
from tests.support.seeding import HANDLER, PASSWORD, Seeded, seed
from tests.support.service import Service, serving

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
HEADER = "référence;procédure;matricule;nom;prénom;date de naissance;e-mail;mobile;code postal;ville;début de l'arrêt;fin de l'arrêt"
GOOD = "F-{0};A;P-{0};Lefèvre;Zoé;03/04/1980;zoe{0}@example.org;06 11 11 00 {0};69003;Lyon;20/02/2026;10/04/2026"
TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


@pytest_asyncio.fixture
async def service(sqlite_url: Callable[..., str], tmp_path: Path) -> AsyncIterator[Service]:
    async with serving(sqlite_url(), now=NOW, folder=tmp_path) as running:
        yield running


@pytest_asyncio.fixture
async def seeded(service: Service) -> Seeded:
    return await seed(service)


@pytest_asyncio.fixture
async def handler(service: Service, seeded: Seeded) -> AsyncIterator[httpx2.AsyncClient]:
    async with service.browser() as client:
        page = await client.get("/sign-in")
        data = {"csrf_token": _token(page), "email": HANDLER, "password": PASSWORD, "next": ""}
        assert (await client.post("/sign-in", data=data)).status_code == 200
        yield client


def _token(page: httpx2.Response) -> str:
    found = TOKEN.search(page.text)
    assert found is not None
    return found[1]


async def _upload(
    handler: httpx2.AsyncClient, seeded: Seeded, text: str, *, encoding: str = "utf-8"
) -> httpx2.Response:
    page = await handler.get("/desk/import")
    answer = await handler.post(
        "/desk/import",
        data={
            "csrf_token": _token(page),
            "organisation": str(seeded.world.organisation.id),
            "insurer": str(seeded.world.insurer.id),
        },
        files={"file": ("controles.csv", text.encode(encoding), "text/csv")},
    )
    return await _ended(handler, answer)


async def _ended(handler: httpx2.AsyncClient, answer: httpx2.Response) -> httpx2.Response:
    async with asyncio.timeout(30):
        while "hx-trigger" in answer.text.split("<main", 1)[1]:
            await asyncio.sleep(0.05)
            answer = await handler.get(str(answer.url))
    return answer


async def _confirm(handler: httpx2.AsyncClient, page: httpx2.Response, mode: str) -> httpx2.Response:
    answer = await handler.post(f"{page.url}/confirm", data={"csrf_token": _token(page), "mode": mode})
    return await _ended(handler, answer)


async def _count(service: Service) -> int:
    async with service.runtime.database.reading() as session:
        return await session.scalar(select(func.count()).select_from(Control)) or 0


async def test_a_good_file_is_rehearsed_then_imported_once(
    service: Service, seeded: Seeded, handler: httpx2.AsyncClient
) -> None:
    before = await _count(service)
    text = "\n".join([HEADER, GOOD.format(10), GOOD.format(11)])
    rehearsal = await _upload(handler, seeded, text, encoding="cp1252")
    assert "rien n’est encore enregistré" in rehearsal.text
    assert await _count(service) == before
    done = await _confirm(handler, rehearsal, "all_or_nothing")
    assert "Import terminé" in done.text
    assert await _count(service) == before + 2
    again = await _upload(handler, seeded, text)
    assert "Importer tout" not in again.text
    assert await _count(service) == before + 2
    # The confirmed file is gone: the same confirmation again says so and creates nothing.
    stale = await handler.post(f"{rehearsal.url}/confirm", data={"csrf_token": _token(again), "mode": "good_lines"})
    assert stale.status_code == 409
    assert await _count(service) == before + 2


async def test_bad_lines_are_named_and_the_good_ones_can_be_taken(
    service: Service, seeded: Seeded, handler: httpx2.AsyncClient
) -> None:
    before = await _count(service)
    bad = GOOD.format(13).replace("10/04/2026", "=cmd()")
    rehearsal = await _upload(handler, seeded, "\n".join([HEADER, GOOD.format(12), bad]))
    assert "Lignes refusées" in rehearsal.text
    assert "Importer tout" not in rehearsal.text
    errors = await handler.get(f"{rehearsal.url}/errors.csv")
    assert errors.headers["content-type"].startswith("text/csv")
    lines = errors.text.strip().splitlines()
    assert len(lines) == 2
    assert lines[1].startswith("3;")
    assert not any(cell.startswith("=") for cell in lines[1].split(";"))
    done = await _confirm(handler, rehearsal, "good_lines")
    assert "Import terminé" in done.text
    assert await _count(service) == before + 1


async def test_what_is_no_file_of_controls_is_said(seeded: Seeded, handler: httpx2.AsyncClient) -> None:
    empty = await _upload(handler, seeded, "")
    assert empty.status_code == 422
    assert "n’a pas été pris" in empty.text
    other = await _upload(handler, seeded, "a;b\n1;2\n")
    assert "ne peut pas être lu" in other.text
