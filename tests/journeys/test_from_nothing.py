"""From an empty database to an acknowledged report, on the machine's own clock, with nothing of the demonstration.

The real commands in their own processes; a real SMTP conversation, Twilio's API over HTTP with signed callbacks, an
insurer's gateway in a process of its own. Whatever the hour of the machine: people are taken where it is day now.
"""

from __future__ import annotations

import asyncio
import time as real_time
from base64 import b64decode
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx2
import pytest

from telecontrol.web import paths
from tests.support import stories
from tests.support.installation import Installation
from tests.support.insured import BIRTH, Page, Visitor
from tests.support.insurer import KEY, InsurerProcess
from tests.support.smtp_server import SmtpServer
from tests.support.twilio_server import ACCOUNT, SERVICE, TOKEN, TwilioServer

PASSWORD = "cheval correct pile agrafe"
HANDLER, DOCTOR = "gestion@essai.example", "docteur@essai.example"
RPPS = "10200000031"
PLACES = {"97400": "Indian/Reunion", "97200": "America/Martinique"}
"""Places without a change of clocks, twelve hours of day between 04:00 and midnight UTC."""
MAILBOXES = ["personne.1@courriel.example", "personne.2@courriel.example"]
MOBILES = ["0692 00 00 01", "0692 00 00 02"]


@pytest.fixture
def relay() -> Iterator[SmtpServer]:
    with SmtpServer() as running:
        yield running


@pytest.fixture
def twilio() -> Iterator[TwilioServer]:
    with TwilioServer() as running:
        yield running


@pytest.fixture
def insurer() -> Iterator[InsurerProcess]:
    process = InsurerProcess()
    process.start()
    yield process
    process.stop()


@pytest.fixture
def installation(
    database_url: Callable[..., str], tmp_path: Path, relay: SmtpServer, twilio: TwilioServer
) -> Installation:
    """Settings as an operator writes them, and an empty database."""
    return Installation(
        tmp_path,
        {
            "database_url": database_url(empty=True),
            "data_dir": str(tmp_path / "var"),
            "secret": "a-secret-of-this-installation-of-40-signs",
            "livekit_api_secret": "a-ticket-secret-of-this-installation-of-40",
            "mail_channel": "smtp",
            "smtp_host": "127.0.0.1",
            "smtp_port": str(relay.port),
            "sms_channel": "twilio",
            "twilio_account_sid": ACCOUNT,
            "twilio_auth_token": TOKEN,
            "twilio_messaging_service_sid": SERVICE,
            "twilio_api_url": twilio.url,
        },
    )


async def test_from_an_empty_database_to_an_acknowledged_report(
    installation: Installation, relay: SmtpServer, twilio: TwilioServer, insurer: InsurerProcess
) -> None:
    now = datetime.now(UTC)
    postcode, zone, is_day = place_of_day(now)
    key = set_up(installation, insurer, postcode=postcode, zone=zone, today=now.date())
    with installation.serving() as log:
        async with httpx2.AsyncClient(base_url=installation.url, timeout=30) as http:
            http.headers["Authorization"] = f"Bearer {key}"
            assert (await http.get(paths.OUTBOX)).status_code == 404
            controls = {
                each["external_reference"]: each for each in (await _json(http, "GET", "/controls"))["controls"]
            }
            await convoked(http, controls["DOSSIER-1"], relay, twilio, is_day=is_day)
            await seen_today(installation, http, controls["DOSSIER-2"], relay, insurer, zone, is_day=is_day)
        told = log.read_text()
    for secret in (*MAILBOXES, "+262692", "NOM-1", "NOM-2", key, PASSWORD):
        assert secret not in told
    assert not stories.LINK.search(told)


def place_of_day(now: datetime) -> tuple[str, ZoneInfo, bool]:
    """A place where unsolicited messages may leave now; else, for four hours of the night, one where they wait."""
    for postcode, name in PLACES.items():
        zone = ZoneInfo(name)
        if 8 <= now.astimezone(zone).hour < 19 or (now.astimezone(zone).hour == 19 and now.minute < 50):
            return postcode, zone, True
    return "97400", ZoneInfo("Indian/Reunion"), False


def set_up(installation: Installation, insurer: InsurerProcess, *, postcode: str, zone: ZoneInfo, today: date) -> str:
    """What `docs/operations.md` tells an operator to do; the API key."""
    installation.run("migrate")
    parties = ["--organisation", "caisse", "--organisation-name", "Caisse de l'Exemple", "--mandate", "Votre caisse"]
    gateway = ["--gateway-url", insurer.url, "--gateway-key", KEY]
    installation.run("setup", *parties, "--insurer", "assureur", "--insurer-name", "Assureur", *gateway)
    for name, content in files(postcode=postcode, zone=zone, today=today).items():
        (installation.folder / f"{name}.csv").write_text(content, encoding="utf-8")
    installation.run("import", "sites", "sites.csv")
    installation.run("import", "doctors", "doctors.csv")
    installation.run("user", "add", HANDLER, "--role", "handler", "--password-stdin", given=f"{PASSWORD}\n")
    account = ["--role", "doctor", "--rpps", RPPS, "--password-stdin"]
    installation.run("user", "add", DOCTOR, *account, given=f"{PASSWORD}\n")
    installation.run("import", "controls", "controls.csv", "--organisation", "caisse")
    return installation.run("key", "add", "caisse").strip()


def files(*, postcode: str, zone: ZoneInfo, today: date) -> dict[str, str]:
    """The three files of `docs/import.md`, with a leave that goes on and a doctor who works every day."""
    controls = [
        "référence;matricule;nom;prénom;date de naissance;courriel;mobile;code postal;ville;début de l'arrêt;fin de l'arrêt",
        *(
            f"DOSSIER-{n};AGENT-{n};NOM-{n};Prénom;{BIRTH};{MAILBOXES[n - 1]};{MOBILES[n - 1]};{postcode};Ville;"
            f"{today - timedelta(days=10)};{today + timedelta(days=60)}"
            for n in (1, 2)
        ),
    ]
    sites = [
        "code;nom;adresse;code postal;ville;salles;horaires",
        f"SITE-1;Centre;1 place de l'Exemple;{postcode};Ville;Salle 1;lun-dim 08:00-18:00",
    ]
    doctors = [
        "RPPS;nom;prénom;courriel;fuseau;procédures;ouvertures",
        f"{RPPS};NOM-D;Prénom;{DOCTOR};{zone};A {today - timedelta(days=30)}..;lun-dim 06:00-22:00 video|lun-ven 08:00-12:00 SITE-1",
    ]
    return {"controls": "\n".join(controls), "sites": "\n".join(sites), "doctors": "\n".join(doctors)}


async def convoked(
    http: httpx2.AsyncClient, control: dict[str, Any], relay: SmtpServer, twilio: TwilioServer, *, is_day: bool
) -> None:
    """Booked by a program for a day ahead: mail and SMS arrive with working links, and Twilio's callback is believed."""
    slots = (await _json(http, "GET", "/slots", params={"control_id": control["id"]}))["slots"]
    body = {"control_id": control["id"], "doctor_id": slots[0]["doctor_id"], "starts_at": slots[0]["starts_at"]}
    appointment = await _json(http, "POST", "/appointments", json=body)
    limit = datetime.fromisoformat(appointment["hard_limit_at"])
    assert limit > datetime.now(UTC), "convoked at least two days ahead"
    if not is_day:
        # At night the convocation waits for the morning; the person may ask for their link, which leaves at once.
        invited = await _invitations(http, control)
        assert {each["state"] for each in invited} == {"pending"}
        await lost_link(http, MOBILES[0])
    mail = (await until(lambda: _mails(relay, MAILBOXES[0]))).pop()
    sms = (await until(lambda: [one for one in twilio.ledger if one.to == "+262692000001"])).pop()
    assert stories.LINK.search(sms.body)
    for link in (stories.LINK.findall(mail)[0], stories.link_of(sms.body)):
        async with visitor(str(http.base_url)) as insured:
            home = await insured.enter(link)
            assert "NOM-1" in home.words
            assert home.links_to(paths.DECLINE)
    if is_day:
        assert (await twilio.call_back(sms, "delivered", token="not-the-token")).status_code == 403
        assert (await twilio.call_back(sms, "delivered")).status_code == 204
        states = {each["channel"]: (each["state"], each["delivery"]) for each in await _invitations(http, control)}
        assert states["sms"] == ("accepted", "delivered")
        assert states["mail"][0] == "accepted"


async def seen_today(
    installation: Installation,
    http: httpx2.AsyncClient,
    control: dict[str, Any],
    relay: SmtpServer,
    insurer: InsurerProcess,
    zone: ZoneInfo,
    *,
    is_day: bool,
) -> None:
    """The person gave up the two days: booked from the desk for the next minutes, seen, concluded, reported."""
    async with visitor(installation.url) as doctor, visitor(installation.url) as handler:
        await sign_in(doctor, DOCTOR)
        await opens_agenda(doctor, zone)
        await sign_in(handler, HANDLER)
        await booked_now(handler, control)
    detail = await _json(http, "GET", f"/controls/{control['id']}")
    (appointment,) = detail["appointments"]
    # The convocation waits two minutes for second thoughts; who cannot wait asks for a link.
    await lost_link(http, MOBILES[1])
    mail = (await until(lambda: _mails(relay, MAILBOXES[1]))).pop()
    async with visitor(installation.url) as insured, visitor(installation.url) as doctor:
        await insured.enter(stories.LINK.findall(mail)[0])
        await stories.joined(insured)
        await sign_in(doctor, DOCTOR)
        room = paths.room(appointment["id"])
        assert "attend" in (await doctor.get(room)).words
        await doctor.press(await doctor.get(room), f"{room}/admit")
        await stories.concluded(doctor, appointment["id"], "not_justified", password=PASSWORD)
    await until(lambda: insurer.ledger()["effects"])
    # At night the insured reads the conclusion in the morning: the control is reported now, and closed then.
    await until_async(lambda: _is_in(http, control, "closed" if is_day else "reported"))
    (report,) = (await _json(http, "GET", f"/controls/{control['id']}/report"))["reports"]
    (taken,) = insurer.ledger()["reports"]
    assert (report["state"], report["breached_at"]) == ("acknowledged", None)
    assert report["acknowledgement"] == taken["acknowledgement_id"]
    digest = taken["content_digest"].removeprefix("sha-256=").strip(":")
    assert report["content_hash"] == b64decode(digest).hex(), "what was taken is what was signed"
    assert "not_justified" in str(taken["document"])


async def opens_agenda(doctor: Visitor, zone: ZoneInfo) -> None:
    """Today is open whatever the calendar says: the journey depends on no holiday."""
    page = await doctor.get(paths.DOCTOR_AGENDA)
    values = {"on": datetime.now(zone).date().isoformat(), "opens": "00:00", "closes": "23:59", "kind": "video"}
    page = await doctor.press(page, paths.doctor_agenda("exceptions"), **values)
    assert page.status == 200, page.words


async def booked_now(handler: Visitor, control: dict[str, Any]) -> None:
    """The next hour on the grid, with the waiver that a named handler records."""
    action = paths.control(control["id"], "book")
    page = await handler.get(f"{action}?waive=true")
    _, doctor_id, _ = page.choices("slot")[0].split("|")
    now = datetime.now(UTC)
    start = now.replace(minute=now.minute // 10 * 10, second=0, microsecond=0) + timedelta(minutes=10)
    if start - now < timedelta(seconds=30):
        start += timedelta(minutes=10)
    slot = f"{start.isoformat()}|{doctor_id}|"
    page = await handler.press(page, action, slot=slot, waiver_reason="Accord donné par téléphone ce jour")
    assert page.path == paths.control(control["id"]), page.words


async def lost_link(http: httpx2.AsyncClient, mobile: str) -> None:
    async with visitor(str(http.base_url)) as person:
        birth = {"birth_day": str(BIRTH.day), "birth_month": str(BIRTH.month), "birth_year": str(BIRTH.year)}
        page = await person.press(await person.get(paths.LOST_LINK), paths.LOST_LINK, phone=mobile, **birth)
        assert page.status == 200, page.words


@asynccontextmanager
async def visitor(url: str) -> AsyncIterator[Visitor]:
    headers = {"Origin": url.rstrip("/"), "Accept-Language": "fr"}
    async with httpx2.AsyncClient(base_url=url, headers=headers, follow_redirects=True, timeout=30) as http:
        yield Visitor(http)


async def sign_in(who: Visitor, email: str) -> Page:
    page = await who.press(await who.get(paths.SIGN_IN), paths.SIGN_IN, email=email, password=PASSWORD)
    assert page.path != paths.SIGN_IN, page.words
    return page


async def until(found: Callable[[], Any], *, seconds: float = 60) -> Any:
    """What `found` gives, once it gives something."""

    async def look() -> Any:
        return found()

    return await until_async(look, seconds=seconds)


async def until_async(found: Callable[[], Awaitable[Any]], *, seconds: float = 60) -> Any:
    deadline = real_time.monotonic() + seconds
    while True:
        value = await found()
        if value:
            return value
        assert real_time.monotonic() < deadline, "it did not come"
        await asyncio.sleep(0.2)


def _mails(relay: SmtpServer, recipient: str) -> list[str]:
    """The texts of what this mailbox received."""
    return [
        part.get_payload(decode=True).decode("utf-8")  # type: ignore[union-attr]
        for taken in relay.ledger
        if taken.recipient == recipient
        for part in taken.message.walk()
        if part.get_content_type() == "text/plain"
    ]


async def _json(http: httpx2.AsyncClient, method: str, path: str, **given: Any) -> Any:
    answer = await http.request(method, f"/api/v1{path}", **given)
    assert answer.status_code < 400, answer.text
    return answer.json()


async def _invitations(http: httpx2.AsyncClient, control: dict[str, Any]) -> list[dict[str, Any]]:
    told = (await _json(http, "GET", f"/controls/{control['id']}/messages"))["messages"]
    return [each for each in told if each["kind"] == "invitation"]


async def _is_in(http: httpx2.AsyncClient, control: dict[str, Any], state: str) -> bool:
    return bool((await _json(http, "GET", f"/controls/{control['id']}"))["state"] == state)
