"""Insurers: added, changed, their gateway configured and tried against a real server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import select

from telecontrol.accounts.models import Insurer
from telecontrol.reports.gateway_setup import open_gateway
from telecontrol.web.pages.admin.words import check_sentence
from tests.support.filling import fill, filled
from tests.support.insured import Page, Visitor
from tests.support.ports import free_port
from tests.support.seeding import Seeded
from tests.support.service import Service

HERE = "/admin/insurers"
NEW = f"{HERE}/new"
KEY = "une-cle-de-seize-signes-ou-plus"


async def test_an_insurer_is_added_once_and_changed(service: Service, admin: Visitor, acts: Callable[..., Any]) -> None:
    typed = filled(await admin.get(NEW), NEW, name="Service médical", code="sm-69")
    pages = [await admin.post(NEW, typed) for _ in range(2)]
    assert pages[0].path == pages[1].path
    assert "Aucune" in (await admin.get(HERE)).words, "the list says who has no gateway"
    page = await fill(admin, pages[0], pages[0].path, name="Service médical du Rhône", is_active=None)
    assert "Service médical du Rhône Inactif" in page.words
    refused = await fill(admin, page, page.path, name="", code="")
    assert refused.status == 422
    assert refused.words.count("Ce champ est nécessaire.") == 2
    taken = await fill(admin, page, page.path, code="ins-test")
    assert "Ce code est déjà celui d'un autre." in taken.words
    assert await acts() == ["insurer.created", "insurer.updated"]


@pytest.mark.parametrize(
    ("url", "key", "said"),
    [
        ("pas une adresse", KEY, "Une adresse https complète"),
        ("http://assureur.example/", KEY, "Les rapports ne voyagent qu'en https."),
        ("https://10.0.0.8/rapports", KEY, "Cette adresse n'est pas publique"),
        ("https://u:p@assureur.example/", KEY, "Une adresse https complète"),
        ("https://assureur.example/", "courte", "De 16 à 512 signes"),
        ("https://assureur.example/", "", "Donnez la clé remise par l'assureur"),
    ],
)
async def test_a_gateway_that_cannot_be_is_refused(
    service: Service, admin: Visitor, seeded: Seeded, url: str, key: str, said: str
) -> None:
    async with service.runtime.database.transaction() as session:
        row = await session.get_one(Insurer, seeded.world.insurer.id)
        row.gateway_url, row.gateway_key_sealed = "", None
    here = f"{HERE}/{seeded.world.insurer.id}"
    page = await fill(admin, here, f"{here}/gateway", gateway_url=url, gateway_key=key)
    assert page.status == 422
    assert said in page.words
    assert f'value="{url}"' in page.html, "the address stays as typed"
    if key:
        assert key not in page.html


async def test_the_key_is_sealed_kept_and_never_shown(
    service: Service, admin: Visitor, seeded: Seeded, acts: Callable[..., Any]
) -> None:
    here = f"{HERE}/{seeded.world.insurer.id}"
    url = "https://assureur.example/rapports"
    page = await fill(admin, here, f"{here}/gateway", gateway_url=url, gateway_key=KEY)
    assert "La passerelle est enregistrée." in page.words
    assert KEY not in page.html
    page = await fill(admin, page, f"{here}/gateway", gateway_url=f"{url}/v2")
    async with service.runtime.database.reading() as session:
        row = await session.get_one(Insurer, seeded.world.insurer.id)
        assert row.gateway_key_sealed is not None
        assert KEY.encode() not in row.gateway_key_sealed
        gateway = open_gateway(row, sealer=service.runtime.operator.messages)
    assert gateway is not None
    assert (gateway.url, gateway.key) == (f"{url}/v2", KEY), "an empty key keeps the present one"
    assert await acts("new_key") == [("insurer.gateway_set", False), ("insurer.gateway_set", True)]


class Odd:
    """A server that answers whatever it is told to, once a request."""

    def __init__(self) -> None:
        self.port = free_port()
        self.answer = b""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(self.answer)
        await writer.drain()
        writer.close()
        await writer.wait_closed()


@pytest_asyncio.fixture
async def odd() -> AsyncIterator[Odd]:
    server = Odd()
    listening = await asyncio.start_server(server.serve, "127.0.0.1", server.port)
    yield server
    listening.close()
    await listening.wait_closed()


def _http(status: str, body: bytes = b"{}", **headers: str) -> bytes:
    lines = [
        f"HTTP/1.1 {status}",
        f"Content-Length: {len(body)}",
        "Content-Type: application/json",
        "Connection: close",
    ]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def _try(admin: Visitor, seeded: Seeded) -> Page:
    here = f"{HERE}/{seeded.world.insurer.id}"
    return await fill(admin, here, f"{here}/test")


async def test_the_test_button_says_in_words_what_it_found(
    service: Service, admin: Visitor, seeded: Seeded, odd: Odd
) -> None:
    """The local insurer answers well; then each way of failing, by a real server that fails that way."""
    here = f"{HERE}/{seeded.world.insurer.id}"
    assert "La passerelle répond, accepte notre clé et parle notre contrat" in (await _try(admin, seeded)).words

    await fill(admin, here, f"{here}/gateway", gateway_key="une-autre-cle-que-la-bonne")
    assert "Le serveur refuse notre clé." in (await _try(admin, seeded)).words

    await fill(admin, here, f"{here}/gateway", gateway_url=f"http://127.0.0.1:{odd.port}")
    for answer, said in (
        (_http("403 Forbidden"), "ne nous laisse pas entrer"),
        (_http("404 Not Found"), "la passerelle n'est pas à cette adresse"),
        (_http("302 Found", Location="https://ailleurs.example/"), "renvoie à une autre adresse (302)"),
        (_http("503 Service Unavailable"), "répond par une erreur (503)"),
        (_http("200 OK", b"<html>"), "pas comme le contrat le demande"),
        (_http("200 OK", b'{"contracts": ["9999-01"], "status": "ok"}'), "contrat"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{", "coupé avant la fin"),
    ):
        odd.answer = answer
        page = await _try(admin, seeded)
        assert said in page.words, said
        assert 'class="notice notice--warning" role="status"' in page.html

    await fill(admin, here, f"{here}/gateway", gateway_url=f"http://127.0.0.1:{free_port()}")
    assert "Le serveur ne répond pas à cette adresse" in (await _try(admin, seeded)).words
    await fill(admin, here, here, is_active=None)
    assert "rien n'a été essayé" in (await _try(admin, seeded)).words


async def test_no_transaction_is_open_while_a_slow_gateway_is_waited_for(
    service: Service, admin: Visitor, seeded: Seeded
) -> None:
    """With SQLite's two connections, a write goes through at once beside two tests that wait."""
    hanging: list[asyncio.StreamWriter] = []

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        hanging.append(writer)
        await reader.read()

    port = free_port()
    listening = await asyncio.start_server(hang, "127.0.0.1", port)
    here = f"{HERE}/{seeded.world.insurer.id}"
    await fill(admin, here, f"{here}/gateway", gateway_url=f"http://127.0.0.1:{port}")
    form = filled(await admin.get(here), f"{here}/test")
    waiting = [asyncio.create_task(admin.post(f"{here}/test", form)) for _ in range(3)]
    async with asyncio.timeout(5):
        while len(hanging) < 3:
            await asyncio.sleep(0.01)
        async with service.runtime.database.transaction() as session:
            (await session.get_one(Insurer, seeded.world.insurer.id)).name = "Écrit pendant l'essai"
    for writer in hanging:
        writer.close()
    for page in await asyncio.gather(*waiting):
        assert "a coupé avant la fin" in page.words
    listening.close()
    await listening.wait_closed()
    async with service.runtime.database.reading() as session:
        assert (await session.scalars(select(Insurer.name))).one() == "Écrit pendant l'essai"


@pytest.mark.parametrize(
    "code",
    [
        "ok",
        "gateway_missing",
        "gateway_url_invalid",
        "gateway_name_not_found",
        "gateway_connect",
        "gateway_certificate",
        "gateway_401",
        "gateway_421",
        "gateway_301",
        "timeout",
        "reply_lost",
        "not_the_contract",
        "other_contract",
        "http_418",
        "http_500",
        "unheard_of",
    ],
)
def test_every_code_has_words(code: str) -> None:
    sentence, values = check_sentence(code)
    assert sentence.format(milliseconds=1, **values)
