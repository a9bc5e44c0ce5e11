"""The call's socket as pages meet it: a real server, real sockets, both databases."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx2
import pytest
import structlog
from sqlalchemy import select
from websockets.exceptions import ConnectionClosed, InvalidStatus

from telecontrol.clock import VirtualClock
from telecontrol.config import Settings, VideoProvider
from telecontrol.db.base import Base
from telecontrol.db.session import Database
from telecontrol.video import live_calls, rooms
from telecontrol.video.models import Role
from tests.support.call_server import running
from tests.support.livekit_server import livekit_stub
from tests.video.calling import DOCTOR, INSURED, Desk, Page

ADDRESS = "192.0.2.77"


MakeDesk = Callable[..., Any]


# With LiveKit written lines go from page to page through its own server, not through our socket: that they arrive, come back
# when nobody is there or when they come too fast, and are kept nowhere is shown in browsers for both providers
# (tests/browser/call/test_in_call.py). What a page says to our socket all the same is passed on to nobody there.
lines_by_socket = pytest.mark.parametrize("carried", [VideoProvider.BUILTIN], indirect=True, ids=str)


@pytest.fixture(autouse=True)
def _everything_is_logged() -> None:
    """Whatever an earlier test of this process chose to log: what is said here is looked at."""
    structlog.reset_defaults()


@pytest.fixture(params=list(VideoProvider))
async def carried(request: pytest.FixtureRequest) -> AsyncIterator[dict[str, Any]]:
    """The settings of each provider. LiveKit's server is a stand-in: nothing here needs a picture."""
    if request.param is VideoProvider.BUILTIN:
        yield {}
        return
    async with livekit_stub() as stub:
        yield {"video_provider": VideoProvider.LIVEKIT, "livekit_url": stub.url}


@pytest.fixture
def make_desk(
    committed_database: Database, settings: Callable[..., Settings], clock: VirtualClock, carried: dict[str, Any]
) -> MakeDesk:
    @asynccontextmanager
    async def make(*, turn: bool = False, **options: Any) -> AsyncIterator[Desk]:
        relay = {"turn_urls": "turn:relay.example:3478", "turn_secret": "shared"} if turn else {}
        async with (
            running(settings(**carried, **relay), committed_database, clock, **options) as server,
            AsyncExitStack() as stack,
        ):
            desk = Desk(server, committed_database, clock, stack)
            await desk.open()
            yield desk

    return make


@pytest.fixture
async def desk(make_desk: MakeDesk) -> AsyncIterator[Desk]:
    async with make_desk() as made:
        yield made


async def test_the_insured_waits_is_admitted_and_both_are_told_to_start(desk: Desk) -> None:
    insured = await desk.join(INSURED)
    welcome = await insured.hears("welcome")
    assert (welcome["is_admitted"], welcome["peer"]["state"]) == (False, "absent")
    doctor = await desk.join(DOCTOR)
    seen = (await doctor.hears("welcome"))["peer"]
    assert (seen["state"], seen["since"]) == ("waiting", desk.clock.now().isoformat())
    await insured.hears("peer", state="here")

    await doctor.say("admit")
    await insured.hears("admitted")
    order = await insured.hears("start")
    assert (order["epoch"], order["is_offerer"], order["ice_policy"], order["ice_servers"]) == (1, False, "all", [])
    assert (await doctor.hears("start"))["is_offerer"] is True


BUILTIN_ALONE = pytest.mark.parametrize("carried", [VideoProvider.BUILTIN], indirect=True)
LIVEKIT_ALONE = pytest.mark.parametrize("carried", [VideoProvider.LIVEKIT], indirect=True)


@BUILTIN_ALONE
async def test_descriptions_and_candidates_go_from_page_to_page(desk: Desk) -> None:
    doctor, insured = await desk.both()
    description = {"type": "offer", "sdp": "v=0"}
    await doctor.say("description", epoch=1, description=description)
    assert (await insured.hears("description"))["description"] == description
    candidate = {"candidate": f"candidate:1 1 UDP 1 {ADDRESS} 5000 typ host", "sdpMid": "0"}
    await insured.say("candidate", epoch=1, candidate=candidate)
    assert (await doctor.hears("candidate"))["candidate"] == candidate


async def test_before_admission_what_the_insured_sends_reaches_nobody(desk: Desk) -> None:
    insured = await desk.join(INSURED)
    doctor = await desk.join(DOCTOR)
    await doctor.hears("welcome")
    await insured.say("description", epoch=0, description={"type": "answer", "sdp": "v=0"})
    await insured.say("candidate", epoch=0, candidate={"candidate": "candidate:1"})
    await insured.say("admit")
    await insured.hears("refused", reason="not_yours")
    await insured.say("problem", code="no_camera")
    await doctor.hears("peer_problem", code="no_camera")
    assert {message["type"] for message in doctor.heard} <= {"welcome", "peer", "peer_problem"}
    assert (await desk.attendance()).admitted_at is None


async def test_a_reload_comes_back_without_a_second_admission(desk: Desk) -> None:
    doctor, insured = await desk.both()
    await insured.say("bye", for_good=False)
    await insured.is_closed()
    await doctor.hears("peer", state="away")
    again = await desk.join(INSURED, "a-new-page")
    assert (await again.hears("welcome"))["is_admitted"] is True
    assert (await again.hears("start"))["epoch"] == 2
    assert (await doctor.hears("start", epoch=2))["is_offerer"] is True


async def test_admission_survives_the_server(make_desk: MakeDesk, settings: Callable[..., Settings]) -> None:
    async with make_desk() as desk:
        doctor, insured = await desk.both()
        for page in (doctor, insured):
            await page.say("live", epoch=1)
        room_id, subject_id = desk.room_id, desk.subject_id
    async with make_desk() as desk:
        desk.room_id, desk.subject_id = room_id, subject_id
        doctor = await desk.join(DOCTOR, epoch=1, live=True)
        await doctor.hears("welcome")
        insured = await desk.join(INSURED, epoch=1, live=True)
        assert (await insured.hears("welcome"))["is_admitted"] is True
        await insured.hears("resume", epoch=1)
        assert (await desk.attendance()).media_flowed


async def test_after_the_grace_the_insured_has_left_and_waits_again(make_desk: MakeDesk) -> None:
    async with make_desk(grace_seconds=0.3) as desk:
        doctor, insured = await desk.both()
        await insured.socket.close()
        await doctor.hears("peer", state="away")
        await doctor.hears("peer", state="absent")
        insured = await desk.join(INSURED, "a-new-page")
        assert (await insured.hears("welcome"))["is_admitted"] is False
        await doctor.hears("peer", state="waiting")


async def test_a_second_tab_takes_over_and_the_first_resumes(desk: Desk) -> None:
    _doctor, first = await desk.both()
    second = await desk.join(INSURED, "second-tab")
    await first.hears("takeover")
    assert await first.is_closed() == 1000
    await second.hears("start", epoch=2)
    resumed = await desk.join(INSURED)
    await second.hears("takeover")
    await resumed.hears("start", epoch=3)


async def test_stuck_goes_to_the_relay_and_then_to_the_telephone(make_desk: MakeDesk) -> None:
    async with make_desk(turn=True) as desk:
        doctor, insured = await desk.both()
        policies = []
        for epoch in (1, 2):
            await insured.say("stuck", epoch=epoch, reason="no_frames")
            order = await insured.hears("start")
            policies.append(order["ice_policy"])
            assert order["ice_servers"][0]["username"].endswith(f":{desk.room_id}-insured")
        assert policies == ["all", "relay"]
        await insured.say("stuck", epoch=3, reason="ice_failed")
        await doctor.hears("failed", reason="no_media")
        await insured.hears("failed", reason="no_media")
        await insured.say("restart")
        await doctor.hears("start", epoch=4, ice_policy="all")


async def test_the_doctor_asks_to_wait_and_whoever_comes_back_still_knows(desk: Desk) -> None:
    insured = await desk.join(INSURED)
    await insured.hears("welcome")
    doctor = await desk.join(DOCTOR)
    await doctor.say("later", minutes=10)
    await insured.hears("waiting", delay_minutes=10)
    reloaded = await desk.join(INSURED, "a-new-page")
    await reloaded.hears("waiting", delay_minutes=10)
    await doctor.say("admit")
    await reloaded.hears("admitted")


async def test_admitting_nobody_is_refused(desk: Desk) -> None:
    doctor = await desk.join(DOCTOR)
    await doctor.say("admit")
    await doctor.hears("refused", reason="nobody_waits")


async def test_finishing_ends_it_for_both_and_the_record_tells(desk: Desk) -> None:
    doctor, insured = await desk.both()
    await doctor.say("live", epoch=1)
    await insured.say("live", epoch=1)
    await insured.say("problem", code="microphone_silent")
    await doctor.hears("peer_problem")
    desk.clock.advance(timedelta(minutes=7))
    await doctor.say("finish")
    await insured.hears("ended", reason="finished")
    assert await doctor.is_closed() == 1000
    await desk.server.provider.evidence_written()
    found = await desk.attendance()
    assert found.both_present_seconds == 7 * 60
    assert found.media_flowed
    assert [problem.code for problem in found.technical_problems] == ["microphone_silent"]


async def test_closing_the_room_tells_those_inside_and_shuts_the_door(desk: Desk) -> None:
    doctor, _insured = await desk.both()
    async with desk.database.transaction() as session:
        closed = await rooms.close_room(session, subject_id=desk.subject_id, now=desk.clock.now())
    assert closed is not None
    await desk.server.provider.close_room(closed)
    await doctor.hears("ended", reason="closed")
    late = await desk.join(INSURED)
    await late.hears("refused", reason="room_closed")
    assert await late.is_closed() == 4403


async def test_the_hour_opens_and_closes_the_door_but_does_not_cut_a_call(desk: Desk) -> None:
    doctor, insured = await desk.both()
    desk.clock.advance(timedelta(hours=1, minutes=5))
    await insured.socket.close()
    again = await desk.join(INSURED, "a-new-page")
    await again.hears("start", epoch=2)
    await doctor.say("finish")
    await doctor.is_closed()
    await again.is_closed()
    late = await desk.join(DOCTOR)
    await late.hears("refused", reason="room_over")


async def test_too_early_and_too_late(desk: Desk) -> None:
    desk.clock.advance(timedelta(hours=2))
    for role in Role:
        page = await desk.join(role)
        await page.hears("refused", reason="room_over")
        assert await page.is_closed() == 4403
    assert not (await desk.attendance()).had_arrived


@pytest.mark.parametrize("what", ["forged", "other_room", "not_json", "not_join", "too_long", "binary"])
async def test_a_first_message_that_opens_nothing(desk: Desk, what: str) -> None:
    page = Page(await desk.dial())
    token = await desk.ticket(INSURED)
    if what == "forged":
        await page.say("join", ticket=token[:-4] + "AAAA", page="page-one")
    elif what == "other_room":
        desk.room_id = uuid.uuid4()
        await page.say("join", ticket=await desk.ticket(INSURED), page="page-one")
    elif what == "not_json":
        await page.socket.send("hello")
    elif what == "not_join":
        await page.say("admit")
    elif what == "too_long":
        await page.say("join", ticket=token, page="page-one" + "x" * 70_000)
    else:
        await page.socket.send(b"\x00")
    await page.hears("refused")
    assert await page.is_closed() in (4400, 4403)
    assert not (await desk.attendance()).had_arrived


@pytest.mark.parametrize("origin", ["http://evil.example", "null"])
async def test_a_socket_from_another_origin_is_refused(desk: Desk, origin: str) -> None:
    for path in (None, "/calls/watch"):
        with pytest.raises(InvalidStatus) as refused:
            await desk.dial(path, origin=origin)
        assert refused.value.response.status_code == 403


async def test_a_page_that_floods_is_cut(desk: Desk) -> None:
    page = await desk.join(INSURED)
    for _ in range(400):
        try:
            await page.say("pong")
        except ConnectionClosed:
            break
    assert await page.is_closed() == 4400
    assert page.heard[-1] == {"type": "refused", "reason": "too_many_attempts"}


async def test_a_page_that_answers_no_ping_is_gone(make_desk: MakeDesk) -> None:
    async with make_desk(ping_seconds=0.4) as desk:
        doctor, insured = await desk.both()

        async def answer() -> None:
            while True:
                await doctor.hears("ping")
                await doctor.say("pong")

        answering = asyncio.create_task(answer())
        await insured.is_closed()
        assert {"type": "ping"} in insured.heard
        async with asyncio.timeout(20):
            while not any(message.get("state") == "away" for message in doctor.heard):
                await asyncio.sleep(0.02)
        answering.cancel()


@lines_by_socket
async def test_written_lines_are_passed_on_and_kept_nowhere(
    desk: Desk, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    secret = "une ligne que personne ne garde"
    with caplog.at_level(logging.DEBUG):
        doctor, insured = await desk.both()
        await insured.say("chat", text=secret)
        assert await doctor.hears("chat") == {"type": "chat", "text": secret}
        await doctor.say("chat", text="<b>bien reçu</b>")
        await insured.hears("chat", text="<b>bien reçu</b>")
        # Too long is no message of the call, and what it said is not repeated.
        await insured.say("chat", text=secret * 30)
        assert (await insured.hears("refused"))["reason"] == "bad_message"
        await insured.is_closed()
        await doctor.hears("peer", state="away")
        await doctor.say("chat", text=secret)
        await doctor.hears("refused", reason="chat_undelivered", text=secret)
    said = capfd.readouterr()
    logged = "\n".join(record.getMessage() for record in caplog.records if not record.name.startswith("websockets"))
    assert "call.event" in said.out + logged
    assert secret not in logged + said.out + said.err
    async with desk.database.reading() as session:
        for table in Base.metadata.sorted_tables:
            for row in await session.execute(select(table)):
                assert secret not in str(row), table.name


@lines_by_socket
async def test_nothing_is_written_to_anybody_before_admission(desk: Desk) -> None:
    insured, doctor = await desk.join(INSURED), await desk.join(DOCTOR)
    await doctor.hears("welcome")
    for each in (insured, doctor):
        await each.say("chat", text="bonjour")
        await each.hears("refused", reason="chat_undelivered", text="bonjour")


@lines_by_socket
async def test_who_floods_with_lines_is_slowed_down_and_stays_in_the_call(desk: Desk) -> None:
    doctor, insured = await desk.both()
    for number in range(12):
        await insured.say("chat", text=str(number))
    given_back = await insured.hears("refused", reason="chat_too_fast")
    await insured.say("problem", code="no_camera")
    await doctor.hears("peer_problem")
    passed_on = [message["text"] for message in doctor.heard if message["type"] == "chat"]
    assert len(passed_on) <= 11
    assert given_back["text"] not in passed_on


async def test_the_doctor_sees_who_is_still_at_their_camera(desk: Desk) -> None:
    insured = await desk.join(INSURED, ready=False)
    await insured.hears("welcome")
    doctor = await desk.join(DOCTOR)
    assert (await doctor.hears("welcome"))["peer"]["is_ready"] is False
    await doctor.say("admit")
    await insured.hears("admitted")
    await insured.say("ready", media={"audio": True, "video": False, "wants_video": True, "showing": ""})
    await doctor.hears("peer", is_ready=True)
    await doctor.hears("start")


async def test_a_long_call_is_given_new_tickets(make_desk: MakeDesk) -> None:
    async with make_desk(ping_seconds=0.2) as desk:
        page = await desk.join(DOCTOR)

        async def answer() -> None:
            while True:
                await asyncio.sleep(0.1)
                await page.say("pong")

        answering = asyncio.create_task(answer())
        fresh = await page.hears("ticket")
        answering.cancel()
        again = await desk.join(DOCTOR, ticket=fresh["token"])
        await again.hears("welcome")


async def test_polling_counts_as_waiting_and_the_doctor_hears_of_it(desk: Desk) -> None:
    doctor = await desk.join(DOCTOR)
    await doctor.hears("welcome")
    async with httpx2.AsyncClient(base_url=desk.server.url, headers={"Origin": desk.server.url}) as client:
        body = {"ticket": await desk.ticket(INSURED)}
        answer = (await client.post(f"/calls/{desk.room_id}/waiting", json=body)).json()
        assert answer == {"state": "waiting", "since": desk.clock.now().isoformat(), "delay_minutes": None}
        await doctor.hears("peer", state="waiting")
        await doctor.say("admit")
        await doctor.hears("admitted")
        assert (await client.post(f"/calls/{desk.room_id}/waiting", json=body)).json()["state"] == "admitted"
        tickets = [await desk.ticket(DOCTOR), body["ticket"], "x" * 40]
        listed = (await client.post("/calls/waiting", json={"tickets": tickets})).json()["rooms"]
        assert [(room["room_id"], room["state"]) for room in listed] == [(str(desk.room_id), "away")]
        refused = await client.post(f"/calls/{uuid.uuid4()}/waiting", json=body)
        assert (refused.status_code, refused.json()["code"]) == (403, "ticket_invalid")
        foreign = await client.post(
            f"/calls/{desk.room_id}/waiting", json=body, headers={"Origin": "http://evil.example"}
        )
        assert foreign.status_code == 403
    assert (await desk.attendance()).had_arrived


async def test_a_doctors_other_page_hears_who_waits(desk: Desk) -> None:
    watcher = Page(await desk.dial("/calls/watch"))
    await watcher.say("watch", tickets=[await desk.ticket(DOCTOR), await desk.ticket(INSURED)])
    await watcher.hears("waiting", room_id=str(desk.room_id), state="absent")
    insured = await desk.join(INSURED)
    await watcher.hears("waiting", state="waiting")
    doctor = await desk.join(DOCTOR)
    await doctor.say("admit")
    await watcher.hears("waiting", state="here")
    await insured.say("bye", for_good=True)
    await watcher.hears("waiting", state="absent")


async def test_an_insureds_ticket_watches_nothing(desk: Desk) -> None:
    watcher = Page(await desk.dial("/calls/watch"))
    await watcher.say("watch", tickets=[await desk.ticket(INSURED)])
    await desk.join(INSURED)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await watcher.socket.recv()


async def test_no_address_and_no_ticket_in_any_log(
    desk: Desk, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    _doctor, insured = await desk.both()
    candidate = {"candidate": f"candidate:1 1 UDP 1 {ADDRESS} 5000 typ host", "sdpMid": "0"}
    await insured.say("candidate", epoch=1, candidate=candidate)
    await insured.say("candidate", epoch="wrong", candidate=candidate)
    await insured.hears("refused", reason="bad_message")
    written = "".join(capfd.readouterr())
    written += "\n".join(record.getMessage() for record in caplog.records if not record.name.startswith("websockets"))
    assert "call.event" in written
    assert "call.message_refused" in written
    assert ADDRESS not in written
    assert "eyJ" not in written


async def test_a_room_that_the_record_closes_is_over_for_whoever_waits_in_it(desk: Desk) -> None:
    """A desk, the API or the worker of another process only write it down."""
    insured = await desk.join(INSURED)
    await insured.hears("welcome")
    async with desk.database.transaction() as session:
        assert await rooms.close_room(session, subject_id=desk.subject_id, now=desk.clock.now()) == desk.room_id
    await insured.hears("ended", reason="closed")
    late = await desk.join(INSURED)
    await late.hears("refused", reason="room_closed")


async def test_the_doctor_no_longer_sees_who_polled_in_a_closed_room(desk: Desk) -> None:
    ticket = await desk.ticket(INSURED)
    async with httpx2.AsyncClient(base_url=desk.server.url) as client:
        path, watching = f"/calls/{desk.room_id}/waiting", {"tickets": [await desk.ticket(DOCTOR)]}
        assert (await client.post(path, json={"ticket": ticket})).json()["state"] == "waiting"
        assert (await client.post("/calls/waiting", json=watching)).json()["rooms"][0]["state"] == "waiting"
        async with desk.database.transaction() as session:
            await rooms.close_room(session, subject_id=desk.subject_id, now=desk.clock.now())
        assert (await client.post("/calls/waiting", json=watching)).json()["rooms"][0]["state"] == "absent"
        answer = await client.post(path, json={"ticket": ticket})
        assert (answer.status_code, answer.json()["code"]) == (409, "room_closed")


@LIVEKIT_ALONE
async def test_with_livekit_nothing_that_holds_an_address_is_passed_on_or_kept(desk: Desk) -> None:
    doctor, insured = await desk.both()
    await doctor.say("description", epoch=1, description={"type": "offer", "sdp": f"c=IN IP4 {ADDRESS}"})
    await insured.say("candidate", epoch=1, candidate={"candidate": f"candidate:1 1 UDP 1 {ADDRESS} 5000 typ host"})
    await doctor.say("chat", text=f"Joignez-moi par {ADDRESS}")
    await doctor.say("media", media={"audio": False, "video": True, "wants_video": True})
    await insured.hears("peer", media={"audio": False, "video": True, "wants_video": True, "showing": ""})
    assert not any(
        message["type"] in ("description", "candidate", "chat") for message in [*doctor.heard, *insured.heard]
    )
    async with desk.database.reading() as session:
        row = (await live_calls.read(session, [desk.room_id]))[desk.room_id]
    assert ADDRESS not in f"{row.state}{row.posts}"
    assert "eyJ" not in f"{row.state}{row.posts}", "no ticket rests in the database"
