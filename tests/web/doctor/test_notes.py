"""Private notes over HTTP: saved as typed, never lost between two windows, and in no page or log line of anybody else (P13)."""

from __future__ import annotations

import json
import logging
import uuid

import pytest
import structlog
from sqlalchemy import text

from telecontrol import log
from telecontrol.db.base import Base
from telecontrol.scheduling.models import Appointment
from telecontrol.web import paths
from tests.support.concluding import MINUTE, START, insured_arrives
from tests.support.doctoring import act, another, push, review, room, sign
from tests.support.insured import Visitor
from tests.support.service import Service
from tests.support.staffing import signed_in
from tests.support.world import World

PLANTED = "lombosciatique zwykle-7391"
JSON = {"Accept": "application/json"}


async def _save(doctor: Visitor, appointment: Appointment, words: str, revision: int) -> tuple[int, dict]:
    """As the page's script does."""
    page = await doctor.get(room(appointment))
    fields = page.form(room(appointment, "notes"))
    assert fields is not None
    answer = await doctor.http.post(
        room(appointment, "notes"),
        data={"text": words, "revision": str(revision)},
        headers={**JSON, "X-CSRF-Token": fields["csrf_token"]},
    )
    return answer.status_code, answer.json()


async def test_what_is_typed_is_saved_and_found_again(doctor: Visitor, appointment: Appointment) -> None:
    status, first = await _save(doctor, appointment, "Bon état\ngénéral", 0)
    again = await _save(doctor, appointment, "Bon état\ngénéral", 0)
    _, second = await _save(doctor, appointment, f"Bon état\ngénéral, {PLANTED}", first["revision"])

    page = await doctor.get(room(appointment))
    assert (status, first["revision"], second["revision"]) == (200, 1, 2)
    assert again == (200, {"revision": 1, "saved_at": first["saved_at"]}), "the same text again changes nothing"
    assert f"Bon état\ngénéral, {PLANTED}</textarea>" in page.html
    fields = page.form(room(appointment, "notes"))
    assert fields is not None
    assert fields["revision"] == "2"


async def test_two_windows_lose_nothing(doctor: Visitor, appointment: Appointment) -> None:
    await _save(doctor, appointment, "fenêtre A", 0)

    status, refused = await _save(doctor, appointment, "fenêtre B", 0)
    plain = await push(doctor, room(appointment, "notes"), text="fenêtre C", revision="0")

    assert (status, refused) == (409, {"code": "note_changed", "revision": 1, "text": "fenêtre A"})
    assert plain.status == 409
    assert "fenêtre A" in plain.words
    assert "fenêtre C</textarea>" in plain.html
    kept = await doctor.press(plain, room(appointment, "notes"), text="fenêtre A et C")
    assert kept.path == room(appointment)
    assert "fenêtre A et C</textarea>" in kept.html


async def test_a_form_without_script_saves_too(doctor: Visitor, appointment: Appointment) -> None:
    page = await act(doctor, appointment, "notes", text="ligne 1\r\nligne 2")

    assert page.path == room(appointment)
    assert "Vos notes sont enregistrées et scellées." in page.words
    assert "ligne 1\nligne 2</textarea>" in page.html


async def test_what_cannot_be_a_note_is_refused(doctor: Visitor, appointment: Appointment) -> None:
    status, refused = await _save(doctor, appointment, "x" * 50_001, 0)

    assert status == 422
    assert "xxx" not in json.dumps(refused)


async def test_notes_of_a_colleague_are_none(
    service: Service, world: World, doctor: Visitor, appointment: Appointment
) -> None:
    colleagues = await another(service, world, 2, doctor_id=world.other_doctor.id)

    status, told = await _save_at(doctor, appointment, room(colleagues, "notes"))
    unknown, _ = await _save_at(doctor, appointment, paths.room(str(uuid.uuid4()), "notes"))

    assert (status, unknown) == (404, 404)
    assert told["code"] == "not_found"


async def test_planted_words_are_in_no_handlers_page_message_or_log(
    service: Service,
    world: World,
    doctor: Visitor,
    appointment: Appointment,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    with structlog.testing.capture_logs() as said, caplog.at_level(logging.DEBUG):
        await insured_arrives(service.runtime.database, appointment, at=START - 6 * MINUTE)
        await _save(doctor, appointment, PLANTED, 0)
        await _save(doctor, appointment, f"{PLANTED} encore", 0)
        refused = await review(doctor, appointment, "justified", remark=f"souffre de {PLANTED}")
        assert refused.status == 422
        service.clock.advance_to(START + 10 * MINUTE)
        await sign(doctor, appointment, await review(doctor, appointment, "not_justified"))
        await service.work()

        async with signed_in(service, world.handler) as handler:
            pages = [
                await handler.get(address)
                for address in (
                    paths.DESK,
                    paths.control(str(world.control.id)),
                    f"{paths.DESK_SEARCH}?q=Durand",
                    room(appointment),
                    room(appointment, "waiting"),
                )
            ]
            hidden = [page.status for page in pages[-2:]]

    assert hidden == [404, 404]
    assert "Camille" in pages[1].words, "the handler does meet the control"
    for page in pages:
        assert "zwykle" not in page.html
    assert "zwykle" not in repr(said) + caplog.text + "".join(capfd.readouterr())
    assert "zwykle" not in await _everything(service), "nor anywhere in the database, in clear"
    assert [message for message in await service.messages() if "zwykle" in repr(vars(message))] == []


async def test_a_failure_while_saving_logs_no_word(
    service: Service, doctor: Visitor, appointment: Appointment, capfd: pytest.CaptureFixture[str]
) -> None:
    await _save(doctor, appointment, "avant", 0)
    page = await doctor.get(room(appointment))
    fields = page.form(room(appointment, "notes"))
    assert fields is not None
    async with service.runtime.database.engine.begin() as connection:
        await connection.execute(text("ALTER TABLE sealed_note RENAME TO sealed_note_elsewhere"))
    log.configure(json=False)
    try:
        answer = await doctor.http.post(
            room(appointment, "notes"),
            data={"text": PLANTED, "revision": "1"},
            headers={**JSON, "X-CSRF-Token": fields["csrf_token"]},
        )
    finally:
        structlog.reset_defaults()
        async with service.runtime.database.engine.begin() as connection:
            await connection.execute(text("ALTER TABLE sealed_note_elsewhere RENAME TO sealed_note"))

    said = capfd.readouterr()
    assert answer.status_code in (500, 503)
    assert "/doctor/room/{appointment_id}/notes" in said.err, "the fault itself is told"
    assert "zwykle" not in answer.text + said.out + said.err


async def _save_at(doctor: Visitor, appointment: Appointment, address: str) -> tuple[int, dict]:
    page = await doctor.get(room(appointment))
    fields = page.form(room(appointment, "notes"))
    assert fields is not None
    answer = await doctor.http.post(
        address,
        data={"text": PLANTED, "revision": "0"},
        headers={**JSON, "X-CSRF-Token": fields["csrf_token"]},
    )
    return answer.status_code, answer.json()


async def _everything(service: Service) -> str:
    """Every row of every table, as the database gives it."""
    async with service.runtime.database.reading() as session:
        found = [repr((await session.execute(table.select())).all()) for table in Base.metadata.sorted_tables]
    return "".join(found)
