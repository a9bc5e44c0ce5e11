"""Promises shown through the running service, each under the letter by which it is known.

The others live where their world is: (b) an insurer that drops its reply, then 500, then 409, has one effect in
`tests/faults/test_insurer_gateway.py`; (d) and (i) need browsers, `tests/browser/journeys/test_proofs_in_browsers.py`;
(f) stands in `test_double_submit.py`; (g) in `tests/notify/test_sms_messages.py`.
"""

from __future__ import annotations

import logging
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import select
from structlog.testing import capture_logs

from telecontrol.accounts.links import hashed
from telecontrol.accounts.models import InsuredLink
from telecontrol.config import Environment, MailChannel, SmsChannel
from telecontrol.controls.policies import Mode, Rules
from telecontrol.db.base import Base
from telecontrol.outbox.contents import open_content, open_context
from telecontrol.outbox.models import Intent, IntentState
from telecontrol.reports.models import SealedNote
from telecontrol.scheduling.dossier import load_control
from telecontrol.scheduling.free import is_offered
from telecontrol.tasks.models import TaskKind
from telecontrol.web import paths
from tests.support import stories
from tests.support.crawling import crawl
from tests.support.insured import visiting
from tests.support.mailing import open_tasks
from tests.support.seeding import DOCTOR, HANDLER, Seeded, seed
from tests.support.service import Service, serving
from tests.support.smtp_server import SmtpServer
from tests.support.twilio_server import ACCOUNT, SERVICE, TOKEN, TwilioServer

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest_asyncio.fixture
async def service(database_url: Callable[..., str], tmp_path: Path) -> AsyncIterator[Service]:
    async with serving(database_url(), now=NOW, folder=tmp_path) as running:
        yield running


@pytest_asyncio.fixture
async def seeded(service: Service) -> Seeded:
    return await seed(service)


async def test_a_declined_ten_minutes_before_the_start(service: Service, seeded: Seeded) -> None:
    """No reminder follows, calendars get a newer CANCEL once the slot is freed, the agenda is free, the desk convokes."""
    appointment = await stories.booked(service, seeded, 50)
    starts_at = stories.start_of(appointment)
    await service.until(starts_at - 10 * MINUTE)
    mailbox = stories.mailbox(50)
    before = Counter(message.kind for message in await service.messages(recipient=mailbox))
    assert before == {"invitation": 1, "reminder": 1}
    async with visiting(service) as insured:
        home = await insured.enter(await stories.opened(service, mailbox, kind="reminder"))
        declined = await insured.press(await insured.get(paths.DECLINE), paths.DECLINE)
        assert home.links_to(paths.DECLINE)
        assert declined.title.startswith("C'est noté")
    await service.work()
    assert not [m for m in await service.messages(recipient=mailbox) if m.kind == "refusal_freed"], "still held"

    await service.until(starts_at + 5 * MINUTE)
    found = await service.messages(recipient=mailbox)
    (freed,) = [message for message in found if message.kind == "refusal_freed"]
    (invited,) = [message for message in found if message.kind == "invitation"]
    assert "METHOD:CANCEL" in freed.calendar
    assert stories.calendar_line(freed, "UID") == stories.calendar_line(invited, "UID")
    assert int(stories.calendar_line(freed, "SEQUENCE")) > int(stories.calendar_line(invited, "SEQUENCE"))
    assert await _is_free(service, seeded, appointment)

    async with stories.signed_in(service, HANDLER) as handler:
        desk = await handler.get(f"{paths.DESK}?queue={TaskKind.IN_PERSON_TO_BOOK}")
        assert desk.html.count('data-testid="task-row"') == 1
        assert desk.links_to(paths.control(appointment["control_id"], "book"))
        await stories.book_at_desk(handler, appointment["control_id"])
    await service.later(minutes=5)
    for recipient in (mailbox, stories.mobile(50)):
        after = Counter(message.kind for message in await service.messages(recipient=recipient))
        assert after["in_person_convocation"] == 1
        assert after["reminder"] == 1
    assert await _still_to_send(service, appointment) == []


async def _still_to_send(service: Service, appointment: dict[str, Any]) -> list[str]:
    """Kinds of messages about this appointment that would leave later."""
    waiting = (IntentState.PENDING, IntentState.SENDING, IntentState.UNSETTLED)
    async with service.runtime.database.reading() as session:
        found = await session.scalars(
            select(Intent.kind).where(Intent.subject_id == uuid.UUID(appointment["id"]), Intent.state.in_(waiting))
        )
        return list(found)


async def _is_free(service: Service, seeded: Seeded, appointment: dict[str, Any]) -> bool:
    """Whether the very slot is offered to somebody else."""
    async with service.runtime.database.reading() as session:
        control = await load_control(session, seeded.world.control.id)
        return await is_offered(
            session,
            control=control,
            rules=Rules.from_json(control.policy.rules),
            doctor_id=uuid.UUID(appointment["doctor_id"]),
            starts_at=stories.start_of(appointment),
            mode=Mode.VIDEO,
        )


@pytest.fixture
def twilio() -> Any:
    with TwilioServer(now=NOW) as running:
        yield running


def outside(twilio: TwilioServer, **settings: Any) -> dict[str, Any]:
    """Settings under which SMS really leave for a server that speaks Twilio's API."""
    return {
        "environment": Environment.DEVELOPMENT,
        "sms_channel": SmsChannel.TWILIO,
        "twilio_account_sid": ACCOUNT,
        "twilio_auth_token": TOKEN,
        "twilio_messaging_service_sid": SERVICE,
        "twilio_api_url": twilio.url,
        **settings,
    }


async def test_c_an_sms_that_fails_for_good(
    database_url: Callable[..., str], tmp_path: Path, twilio: TwilioServer
) -> None:
    """Flagged while there is time, released at the limit, and the mail that says so blames nobody."""
    twilio.tell("error:400:21211")
    async with serving(database_url(), now=NOW, folder=tmp_path, **outside(twilio)) as service:
        seeded = await seed(service)
        appointment = await stories.booked(service, seeded, 50, nth=60)
        limit = datetime.fromisoformat(appointment["hard_limit_at"])
        await service.later(minutes=2)
        assert service.clock.now() < limit - timedelta(hours=6), "flagged at once, not only when time runs out"
        assert len(await open_tasks(service.runtime.database, TaskKind.NOTICE_AT_RISK)) == 1
        async with stories.signed_in(service, HANDLER) as handler:
            queue = await handler.get(f"{paths.DESK}?queue={TaskKind.NOTICE_AT_RISK}")
            assert queue.links_to(paths.control(appointment["control_id"]))
            page = await handler.get(paths.control(appointment["control_id"]))
            assert "21211" in page.words
        assert await stories.state_of(service, seeded, appointment["control_id"]) == "booked"

        await service.until(limit - MINUTE)
        assert await stories.state_of(service, seeded, appointment["control_id"]) == "booked"
        await service.until(limit + MINUTE)
        assert await stories.state_of(service, seeded, appointment["control_id"]) == "to_book"
        assert await _is_free(service, seeded, appointment)
        found = await service.messages(recipient=stories.mailbox(50))
        (released,) = [message for message in found if message.kind == "release"]
        assert "METHOD:CANCEL" in released.calendar
        words = " ".join(released.text.split()).lower()
        assert "rien ne vous sera reproché" in words
        for blame in ("absen", "refus", "vous n'avez pas", "vous n’avez pas", "erreur de votre"):
            assert blame not in words, blame
        assert twilio.ledger == [], "a number that cannot receive is told nothing more"


PLANTED = ("ZOSTERIEN", "Zphaneurose", "quxalgie")


async def test_e_words_of_notes_are_found_nowhere(
    service: Service, seeded: Seeded, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Not in a byte that leaves, a line of the log, a page or an answer that a handler, a program or the insured reads."""
    caplog.set_level(logging.DEBUG)
    read: dict[str, str] = {}
    with capture_logs() as logged:
        appointment = await stories.booked(service, seeded, 50)
        await service.until(stories.start_of(appointment) - 2 * MINUTE)
        async with (
            visiting(service) as insured,
            stories.signed_in(service, DOCTOR) as doctor,
            stories.signed_in(service, HANDLER) as handler,
        ):
            await insured.enter(await stories.opened(service, stories.mailbox(50)))
            await stories.joined(insured)
            room = await doctor.get(paths.room(appointment["id"]))
            notes = f"Patient {PLANTED[0]}, {PLANTED[1]} sous traitement; {PLANTED[2]}."
            kept = await doctor.press(room, paths.room(appointment["id"], "notes"), text=notes)
            assert PLANTED[0] in kept.html, "the doctor reads them"
            await doctor.press(kept, paths.room(appointment["id"], "admit"))
            refused = await doctor.press(
                await doctor.get(paths.room(appointment["id"])),
                paths.room(appointment["id"], "conclude"),
                result="not_justified",
                identity_document="national_card",
                remark=f"{PLANTED[1]}: dépression",
                step="review",
            )
            assert "Rien n'a été signé" in refused.words
            await service.until(stories.start_of(appointment) + 10 * MINUTE)
            await stories.concluded(doctor, appointment["id"], "not_justified")
            await service.later(minutes=30)
            assert await stories.state_of(service, seeded, appointment["control_id"]) == "closed"
            for who, visitor, start in (("handler", handler, paths.DESK), ("insured", insured, paths.HOME)):
                reached = await crawl(visitor, start, paths.control(appointment["control_id"]), under=(start,))
                read |= {f"{who} {path}": text for path, text in reached.pages.items()}
            read |= {
                f"handler {path}": (await handler.get(path)).html
                for path in (paths.room(appointment["id"]), paths.DOCTOR_REPORTS, f"{paths.DESK_SEARCH}?q=Lef")
            }
        for path in ("", "/messages", "/report"):
            address = f"/api/v1/controls/{appointment['control_id']}{path}"
            read[f"program {address}"] = (await service.http.get(address, headers=seeded.key)).text
    assert len(read) > 12
    sent, rows = await _everything_sent(service), await _every_readable_row(service)
    assert {"report_48h", "conclusion_to_insured", "invitation", "reminder"} <= {key.split()[0] for key in sent}
    out, err = capfd.readouterr()
    places = {**read, **sent, **rows, "log": str(logged), "library log": caplog.text, "out": out, "err": err}
    found = [(place, word) for place, text in places.items() for word in PLANTED if word.lower() in text.lower()]
    assert found == []


async def _everything_sent(service: Service) -> dict[str, str]:
    """The values and the bytes of every message and report, opened."""
    sealer = service.runtime.operator.messages
    found = {}
    async with service.runtime.database.reading() as session:
        for intent in await session.scalars(select(Intent)):
            content = open_content(intent.id, intent.content_sealed, sealer)
            parts = [part.get_payload(decode=True) for part in message_from_bytes(content).walk()]
            text = b" ".join([content, *(part for part in parts if isinstance(part, bytes))]).decode("utf-8", "replace")
            values = open_context(intent.id, intent.context_sealed, sealer)
            found[f"{intent.kind} {intent.channel} {intent.id}"] = f"{text} {values}"
    return found


async def _every_readable_row(service: Service) -> dict[str, str]:
    """Every table as a reader of the database sees it; the notes stand in it as sealed bytes."""
    async with service.runtime.database.reading() as session:
        rows = {
            f"table {table.name}": str((await session.execute(table.select())).all())
            for table in Base.metadata.sorted_tables
        }
    assert rows[f"table {SealedNote.__tablename__}"] != "[]"
    return rows


async def test_h_a_handler_cannot_obtain_a_working_link(
    database_url: Callable[..., str], tmp_path: Path, twilio: TwilioServer
) -> None:
    """With every page of the desk and every route of the API, `/outbox` being off: no link, no part of one."""
    with SmtpServer() as relay:
        settings = outside(twilio, mail_channel=MailChannel.SMTP, smtp_host="127.0.0.1", smtp_port=relay.port)
        async with serving(database_url(), now=NOW, folder=tmp_path, **settings) as service:
            seeded = await seed(service)
            appointment = await stories.booked(service, seeded, 50)
            other = await stories.booked(service, seeded, 51, nth=3)
            await service.later(minutes=2)
            tokens = _tokens(relay, twilio)
            assert len(tokens) >= 4, "the insured did receive links"
            await _work(service, tokens)
            async with stories.signed_in(service, HANDLER) as handler:
                await stories.book_at_desk(handler, str(seeded.world.control.id))
                reached = await crawl(handler, paths.DESK, paths.control(appointment["control_id"]), paths.OUTBOX)
                page = await handler.get(paths.control(other["control_id"]))
                again = await handler.press(page, paths.control(other["control_id"], "decline"))
                read = {**reached.pages, "after declining": again.html}
            assert reached.statuses[paths.OUTBOX] == 404
            read |= await _every_api_answer(service, seeded, appointment, other)
            await service.later(minutes=45)
            tokens |= _tokens(relay, twilio)
            assert len(read) > 20
            for place, text in read.items():
                assert not stories.LINK.search(text), place
                assert [token for token in tokens if token in text] == [], place
            await _hashes_only(service, tokens)


def _tokens(relay: SmtpServer, twilio: TwilioServer) -> set[str]:
    """What really left, read as the insured's mailbox and phone read it."""
    parts = [part.get_payload(decode=True) for taken in relay.ledger for part in taken.message.walk()]
    texts = [part.decode("utf-8", "replace") for part in parts if isinstance(part, bytes)]
    texts += [sms.body for sms in twilio.ledger]
    return {path.removeprefix("/i/") for text in texts for path in stories.LINK.findall(text)}


async def _work(service: Service, tokens: set[str]) -> None:
    for token in tokens:
        assert (await service.http.get(paths.link(token))).status_code == 200


async def _every_api_answer(
    service: Service, seeded: Seeded, appointment: dict[str, Any], other: dict[str, Any]
) -> dict[str, str]:
    """The answer of each route that the API's own description names; none is left out."""
    document = (await service.http.get("/api/v1/openapi.json")).json()
    ids = {"control_id": appointment["control_id"], "appointment_id": appointment["id"]}
    bodies: dict[str, dict[str, Any]] = {
        "/api/v1/controls": stories.request_body(52),
        "/api/v1/appointments": {
            "control_id": (await stories.ask(service, seeded, 53))["id"],
            "doctor_id": other["doctor_id"],
            "starts_at": (stories.start_of(other) + timedelta(days=8)).isoformat(),
        },
        "/api/v1/appointments/{appointment_id}/answer": {"answer": "cannot_come", "reason": "travel"},
        "/api/v1/appointments/{appointment_id}/conclusion": {
            "result": "technical_failure",
            "signed_by_rpps": seeded.world.doctor.rpps,
        },
        "/api/v1/appointments/{appointment_id}/move": {
            "starts_at": (stories.start_of(appointment) + timedelta(days=7)).isoformat()
        },
        "/api/v1/appointments/{appointment_id}/cancel": {},
    }
    found = {}
    order = ("move", "answer", "conclusion", "cancel")  # each route meets an appointment that it can act on
    for path in sorted(
        document["paths"], key=lambda each: order.index(each.rpartition("/")[2]) if each.endswith(order) else -1
    ):
        for method in document["paths"][path]:
            given: dict[str, Any] = {"params": {"control_id": ids["control_id"]}} if path.endswith("slots") else {}
            if method == "post":
                given["json"] = bodies[path]
            address = path.format(**ids)
            answer = await service.http.request(method, address, headers=seeded.key, **given)
            assert answer.status_code in (200, 201, 409), f"{method} {path}: {answer.text}"
            found[f"{method} {path}"] = answer.text
    assert len(found) >= 11
    return found


async def _hashes_only(service: Service, tokens: set[str]) -> None:
    """The database holds what a link is known by, and no link."""
    async with service.runtime.database.reading() as session:
        known = set(await session.scalars(select(InsuredLink.token_hash)))
    assert {hashed(token) for token in tokens} <= known
    rows = await _readable(service)
    assert [token for token in tokens if token in rows] == []


async def _readable(service: Service) -> str:
    async with service.runtime.database.reading() as session:
        tables = [(await session.execute(table.select())).all() for table in Base.metadata.sorted_tables]
    return str(tables)
