"""The LiveKit call around its pictures: several processes, LiveKit's server in every mood, and its callbacks.

The client is the real one, over HTTP, to a stand-in that keeps a ledger.
"""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import Any

import jwt
import pytest
from sqlalchemy import func, select, update

from telecontrol.clock import VirtualClock
from telecontrol.config import Settings, VideoProvider
from telecontrol.db.session import Database
from telecontrol.errors import Unavailable
from telecontrol.video import live_calls, rooms
from telecontrol.video.livekit import LivekitProvider
from telecontrol.video.livekit_server import LivekitServer
from telecontrol.video.models import AttendanceEvent, EventKind, LiveCall, ProviderHook, Role
from tests.support import livekit_server
from tests.support.call_server import running
from tests.support.livekit_server import LivekitStub, callback, livekit_stub, send, signed
from tests.video.calling import DOCTOR, INSURED, Desk, Page

MakeSettings = Callable[..., Settings]


@pytest.fixture
async def stub() -> AsyncIterator[LivekitStub]:
    async with livekit_stub() as made:
        yield made


@pytest.fixture
def chosen(settings: MakeSettings, stub: LivekitStub) -> Settings:
    return settings(video_provider=VideoProvider.LIVEKIT, livekit_url=stub.url)


@asynccontextmanager
async def processes(
    count: int, chosen: Settings, database: Database, clock: VirtualClock, **options: Any
) -> AsyncIterator[list[Desk]]:
    """As many web processes on one database, all at one room."""
    async with AsyncExitStack() as stack:
        desks = []
        for _ in range(count):
            server = await stack.enter_async_context(running(chosen, database, clock, **options))
            desks.append(Desk(server, database, clock, stack))
        await desks[0].open()
        for desk in desks:
            desk.room_id, desk.subject_id = desks[0].room_id, desks[0].subject_id
        yield desks


@pytest.fixture
async def desk(chosen: Settings, committed_database: Database, clock: VirtualClock) -> AsyncIterator[Desk]:
    async with processes(1, chosen, committed_database, clock) as (made,):
        yield made


@pytest.fixture
async def two(chosen: Settings, committed_database: Database, clock: VirtualClock) -> AsyncIterator[list[Desk]]:
    async with processes(2, chosen, committed_database, clock) as made:
        yield made


def provider_of(desk: Desk) -> LivekitProvider:
    assert isinstance(desk.server.provider, LivekitProvider)
    return desk.server.provider


async def accompanying(desk: Desk, who: str, *, page: str = "a-companion-s-page", **values: Any) -> Page:
    """Somebody who comes with the insured, at the door."""
    provider, now = provider_of(desk), desk.clock.now()
    ticket = provider.issue_companion_ticket(desk.room_id, who, name="Marie-Ange Payet", now_real=now)
    return await desk.join(INSURED, page, ticket=ticket.token, **values)


async def until(condition: Callable[[], bool], *, seconds: float = 10) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.02)


# Several processes.


async def test_the_waiting_room_is_one_across_processes(two: list[Desk]) -> None:
    here, there = two
    watcher = Page(await there.dial("/calls/watch"))
    await watcher.say("watch", tickets=[await there.ticket(DOCTOR)])
    await watcher.hears("waiting", state="absent")
    insured = await here.join(INSURED)
    await insured.hears("welcome", is_admitted=False)
    await watcher.hears("waiting", state="waiting")
    doctor = await there.join(DOCTOR)
    assert (await doctor.hears("welcome"))["peer"]["state"] == "waiting"
    await insured.hears("peer", state="here")

    await doctor.say("later", minutes=10)
    await insured.hears("waiting", delay_minutes=10)
    await insured.say("problem", code="no_camera")
    await doctor.hears("peer_problem", code="no_camera")
    await doctor.say("admit")
    await insured.hears("admitted")
    way_of_insured, way_of_doctor = await insured.hears("start", epoch=1), await doctor.hears("start", epoch=1)
    assert way_of_insured["livekit"]["url"] == way_of_doctor["livekit"]["url"] != ""
    await watcher.hears("waiting", state="here")

    again = await there.join(INSURED, "on-another-device")
    await insured.hears("takeover")
    assert await insured.is_closed() == 1000
    await again.hears("start", epoch=2)
    await doctor.say("finish")
    await again.hears("ended", reason="finished")


async def test_who_polls_one_process_is_seen_in_the_other(two: list[Desk]) -> None:
    import httpx2

    here, there = two
    doctor = await there.join(DOCTOR)
    await doctor.hears("welcome")
    async with httpx2.AsyncClient(base_url=here.server.url, headers={"Origin": here.server.url}) as client:
        body = {"ticket": await here.ticket(INSURED)}
        assert (await client.post(f"/calls/{here.room_id}/waiting", json=body)).json()["state"] == "waiting"
        await doctor.hears("peer", state="waiting")
        await doctor.say("admit")
        await doctor.hears("admitted")
        assert (await client.post(f"/calls/{here.room_id}/waiting", json=body)).json()["state"] == "admitted"


async def test_an_admission_over_http_reaches_pages_of_every_process(two: list[Desk]) -> None:
    from telecontrol.video import waiting

    here, there = two
    insured, doctor = await here.join(INSURED), await there.join(DOCTOR)
    await insured.hears("welcome")
    await doctor.hears("welcome")
    async with there.database.transaction() as session:
        await waiting.admit(session, room_id=here.room_id, by="the-doctor", now=here.clock.now())
    # Nobody is told: the process that wrote it died. The next look finds it.
    await insured.hears("admitted")
    await doctor.hears("start")


async def test_a_process_that_dies_takes_nobody_s_evidence_with_it(two: list[Desk]) -> None:
    here, there = two
    insured, doctor = await here.join(INSURED), await there.join(DOCTOR)
    await insured.hears("welcome")
    await doctor.hears("welcome")
    await doctor.say("admit")
    await doctor.hears("start")
    # Its sockets show no sign of life any more, and nobody says that they are gone.
    async with there.database.transaction() as session:
        row = (await live_calls.read(session, [here.room_id]))[here.room_id]
        number = str(row.state["seats"]["insured"]["socket"])
        long_ago = time.time() - live_calls.SILENT_SECONDS - 60
        state = {**row.state, "seen": {**row.state["seen"], number: long_ago}}
        await session.execute(
            update(LiveCall).where(LiveCall.room_id == here.room_id).values(state=state, due_tick=long_ago)
        )
    await doctor.hears("peer", state="absent")
    async with there.database.reading() as session:
        events = (await session.scalars(select(AttendanceEvent.event).where(AttendanceEvent.role == INSURED))).all()
    assert set(events) >= {EventKind.JOINED, EventKind.AWAY, EventKind.LEFT}


async def test_a_page_goes_over_to_another_process(two: list[Desk]) -> None:
    here, there = two
    insured, doctor = await here.join(INSURED), await there.join(DOCTOR)
    await insured.hears("welcome")
    await doctor.hears("welcome")
    await doctor.say("admit")
    await doctor.hears("start")
    await insured.hears("start")
    for page in (insured, doctor):
        await page.say("live", epoch=1)
    await insured.socket.close()
    await doctor.hears("peer", state="away")
    moved = await there.join(INSURED, epoch=1, live=True)
    assert (await moved.hears("welcome"))["is_admitted"] is True
    await moved.hears("resume", epoch=1)
    assert (await here.attendance()).media_flowed


# Tickets.


async def test_no_token_that_leaves_us_carries_a_right_to_record(
    desk: Desk, stub: LivekitStub, chosen: Settings
) -> None:
    doctor, insured = await desk.both()
    way = await (await desk.join(INSURED, "once-again")).hears("start")
    tokens = [await desk.ticket(DOCTOR), await desk.ticket(INSURED), way["livekit"]["token"]]
    tokens.append(
        provider_of(desk).issue_companion_ticket(desk.room_id, "x", name="Marie", now_real=desk.clock.now()).token
    )
    grants = [jwt.decode(token, options={"verify_signature": False})["video"] for token in tokens]
    allowed = {
        "roomJoin",
        "room",
        "canPublish",
        "canSubscribe",
        "canPublishData",
        "canPublishSources",
        "canUpdateOwnMetadata",
    }
    for grant in grants:
        assert set(grant) <= allowed, "no recording, no administration, nothing hidden"
        assert (grant["room"], grant["canUpdateOwnMetadata"]) == (str(desk.room_id), False)
        assert set(grant["canPublishSources"]) <= {"camera", "microphone", "screen_share"}
    assert stub.grants
    for grant in stub.grants:
        assert set(grant) <= {
            "roomCreate",
            "roomList",
            "roomAdmin",
            "room",
            "canPublish",
            "canSubscribe",
            "canPublishData",
        }
    claims = jwt.decode(way["livekit"]["token"], chosen.livekit_api_secret.get_secret_value(), algorithms=["HS256"])
    assert claims["sub"] == "insured:the-insured"
    assert claims["exp"] - time.time() <= 600
    del doctor, insured


async def test_who_waits_holds_nothing_that_livekit_accepts(desk: Desk, chosen: Settings) -> None:
    secret = chosen.livekit_api_secret.get_secret_value()
    for role in Role:
        with pytest.raises(jwt.InvalidSignatureError):
            jwt.decode(await desk.ticket(role), secret, algorithms=["HS256"])
    insured = await desk.join(INSURED)
    await insured.hears("welcome")
    assert "livekit" not in json.dumps(insured.heard)


# LiveKit's server in every mood.


async def test_a_room_is_made_at_admission_and_deleted_at_the_end(desk: Desk, stub: LivekitStub) -> None:
    insured, doctor = await desk.join(INSURED), await desk.join(DOCTOR)
    await insured.hears("welcome")
    await doctor.hears("welcome")
    assert stub.ledger == [], "nothing before somebody is let in"
    await doctor.say("admit")
    await doctor.hears("start")
    made = stub.settings[str(desk.room_id)]
    assert (made.empty_timeout, made.departure_timeout, made.max_participants) == (900, 120, 5)
    assert not made.HasField("egress"), "nothing records"
    await doctor.say("finish")
    await insured.hears("ended")
    await until(lambda: str(desk.room_id) not in stub.rooms)


@pytest.mark.parametrize("fault", ["unavailable", "unauthenticated", "internal"])
async def test_nobody_is_admitted_into_a_room_that_cannot_be_made(desk: Desk, stub: LivekitStub, fault: str) -> None:
    insured, doctor = await desk.join(INSURED), await desk.join(DOCTOR)
    await insured.hears("welcome")
    await doctor.hears("welcome")
    stub.faults["*"] = fault
    await doctor.say("admit")
    await doctor.hears("refused", reason="unavailable")
    assert (await desk.attendance()).admitted_at is None, "and nothing is lost: they still wait"
    health = await provider_of(desk).health()
    assert not health.is_well
    assert health.reason == ("LiveKit refuses the key" if fault == "unauthenticated" else f"LiveKit answers {fault}")
    stub.faults.clear()
    await doctor.say("admit")
    await insured.hears("start")


async def test_a_server_that_is_down_or_slow_is_said_within_seconds(settings: MakeSettings) -> None:
    async with livekit_stub() as stub:
        stub.faults["*"] = 5.0
        slow = LivekitServer(settings(livekit_url=stub.url), timeout=0.3)
        started = time.monotonic()
        with pytest.raises(Unavailable) as unreachable:
            await slow.create(uuid.uuid4())
        assert unreachable.value.code == "livekit_unreachable"
        assert time.monotonic() - started < 3
        await slow.aclose()
        stub.faults.clear()
    down = LivekitServer(settings(livekit_url=stub.url))
    assert (await down.health()).reason == "LiveKit does not answer"
    await down.aclose()


async def test_what_is_gone_already_is_done(settings: MakeSettings, stub: LivekitStub) -> None:
    server = LivekitServer(settings(livekit_url=stub.url))
    room_id = uuid.uuid4()
    await server.delete(room_id)
    await server.remove(room_id, "insured:x")
    assert await server.participants(room_id) == []
    await server.create(room_id)
    await server.create(room_id)
    assert await server.rooms() == [room_id]
    await server.aclose()


async def test_a_room_whose_end_livekit_missed_is_deleted_by_a_later_look(desk: Desk, stub: LivekitStub) -> None:
    await desk.both()
    async with desk.database.transaction() as session:
        await rooms.close_room(session, subject_id=desk.subject_id, now=desk.clock.now())
    stub.faults["DeleteRoom"] = "unavailable"
    await provider_of(desk).close_room(desk.room_id)
    stub.rooms["somebody-else-s"] = {}
    stub.rooms[str(uuid.uuid4())] = {}
    await provider_of(desk)._look.look()
    stub.faults.clear()
    await provider_of(desk)._look.look()
    assert str(desk.room_id) not in stub.rooms
    assert len(stub.rooms) == 2, "rooms that are not ours stay"


# Who is there, as LiveKit lists it.


async def test_whoever_may_not_be_there_is_put_out(desk: Desk, stub: LivekitStub) -> None:
    doctor, insured = await desk.both()
    companion = await accompanying(desk, "one")
    await companion.hears("welcome")
    await doctor.say("companion", id="one", is_in=True)
    await companion.hears("admitted")
    for identity in ("doctor:the-doctor", "insured:the-insured", "companion:one", "companion:two", "agent:x", "nobody"):
        stub.enter(desk.room_id, identity)
    await provider_of(desk)._look.look()
    assert set(stub.rooms[str(desk.room_id)]) == {"doctor:the-doctor", "insured:the-insured", "companion:one"}
    await insured.say("bye", for_good=True)
    await insured.is_closed()
    await provider_of(desk)._look.look()
    assert set(stub.rooms[str(desk.room_id)]) == set(), (
        "nobody is admitted any more; the doctor comes back by our own socket"
    )


async def test_somebody_whose_socket_is_cut_is_still_seen_by_livekit(desk: Desk, stub: LivekitStub) -> None:
    _doctor, insured = await desk.both()
    stub.enter(desk.room_id, "insured:the-insured")
    await insured.socket.close()
    desk.clock.advance(timedelta(minutes=3))
    await provider_of(desk)._look.look()
    await provider_of(desk).evidence_written()
    assert (await desk.attendance()).last_seen_at == desk.clock.now()


# Callbacks.


async def kept(desk: Desk) -> int:
    async with desk.database.reading() as session:
        return await session.scalar(select(func.count()).select_from(ProviderHook)) or 0


async def test_a_callback_is_a_reason_to_look_once(desk: Desk, stub: LivekitStub) -> None:
    await desk.both()
    stub.enter(desk.room_id, "agent:x")
    event = callback("participant_joined", desk.room_id, identity="agent:x")
    for _ in range(3):
        assert (await send(desk.server.url, event)).status_code == 200
    await until(lambda: stub.asked("RemoveParticipant") != [])
    assert len(stub.asked("ListParticipants")) == 1
    assert await kept(desk) == 1


async def test_callbacks_late_reversed_or_unknown_change_nothing(desk: Desk, stub: LivekitStub) -> None:
    doctor, insured = await desk.both()
    for kind in ("participant_left", "participant_joined", "room_finished", "room_started", "a_kind_of_next_year"):
        event = callback(kind, desk.room_id, identity="insured:the-insured")
        assert (await send(desk.server.url, event)).status_code == 200
    for name in (uuid.uuid4(), "not-a-room-of-ours", ""):
        assert (await send(desk.server.url, callback("room_started", name))).status_code == 200
    assert (await send(desk.server.url, {"id": 7, "room": "x", "event": None})).status_code == 200
    await provider_of(desk).evidence_written()
    assert await kept(desk) == 9
    async with desk.database.reading() as session:
        events = (await session.scalars(select(AttendanceEvent.event))).all()
    assert EventKind.LEFT not in events, "what LiveKit says is a hint"
    await doctor.say("media", media={"audio": True, "video": False, "wants_video": True})
    assert (await insured.hears("peer"))["state"] == "here"


async def test_a_callback_is_answered_at_once_whatever_livekit_does_meanwhile(desk: Desk, stub: LivekitStub) -> None:
    await desk.both()
    stub.faults["*"] = 3.0
    started = time.monotonic()
    assert (await send(desk.server.url, callback("participant_left", desk.room_id))).status_code == 200
    assert time.monotonic() - started < 2
    stub.faults.clear()


OTHER = "another-secret-that-is-also-longer-than-32-characters"


@pytest.mark.parametrize(
    ("sign", "status"),
    [
        (lambda _body: "", 401),
        (lambda body: signed(body, secret=OTHER), 403),
        (lambda body: signed(body, key="somebody-else"), 403),
        (lambda body: signed(body, of="another body"), 403),
        (lambda body: signed(body, sha256=""), 403),
        (lambda body: signed(body, sha256="not base64!"), 403),
        (lambda body: signed(body, exp=int(time.time()) - 3600), 403),
        (lambda body: "Bearer " + signed(body), 403),
        (lambda _body: "not.a.token", 403),
    ],
)
async def test_a_forged_callback_is_refused(desk: Desk, sign: Callable[[str], str], status: int) -> None:
    answer = await send(desk.server.url, callback("room_finished", desk.room_id), sign=sign)
    assert answer.status_code == status
    assert await kept(desk) == 0


async def test_the_built_in_provider_hears_no_callbacks(
    settings: MakeSettings, committed_database: Database, clock: VirtualClock
) -> None:
    async with running(settings(), committed_database, clock) as server:
        assert (await send(server.url, callback("room_finished", uuid.uuid4()))).status_code == 403


# Companions.


async def test_a_companion_comes_in_with_the_insured_and_goes_with_them(two: list[Desk]) -> None:
    here, there = two
    insured, doctor = await here.join(INSURED), await there.join(DOCTOR)
    await insured.hears("welcome")
    await doctor.hears("welcome")
    companion = await accompanying(there, "cousin")
    await companion.hears("welcome", is_admitted=False)
    people = (await doctor.hears("company"))["people"]
    assert people == [{"id": "cousin", "name": "Marie-Ange Payet", "state": "waiting"}]
    await companion.say("admit")
    await companion.say("companion", id="cousin", is_in=True)
    await companion.say("ready", media={"audio": True, "video": True, "wants_video": True})
    await insured.say("companion", id="cousin", is_in=True)
    await insured.hears("refused", reason="not_yours")
    await doctor.say("admit")
    await doctor.hears("admitted")
    assert not any(message["type"] == "admitted" for message in companion.heard), "the doctor has not said so of them"
    await doctor.say("companion", id="cousin", is_in=True)
    await companion.hears("admitted")
    way = await companion.hears("start")
    assert jwt.decode(way["livekit"]["token"], options={"verify_signature": False})["sub"] == "companion:cousin"
    for attempt, policy in ((1, "all"), (2, "all")):
        await companion.say("stuck", epoch=attempt, reason="no_frames")
        assert (await companion.hears("start"))["ice_policy"] == policy, "there is no relay"
    await companion.say("stuck", epoch=3, reason="no_frames")
    await companion.hears("failed")
    await companion.say("restart")
    await companion.hears("start")
    assert not any(message["type"] == "takeover" for message in insured.heard)
    assert (await here.attendance()).had_arrived
    await insured.say("bye", for_good=True)
    await companion.hears("ended")
    assert await companion.is_closed() == 1000


async def test_whom_the_doctor_refuses_or_puts_out_is_out(two: list[Desk], stub: LivekitStub) -> None:
    here, there = two
    doctor, insured = await here.both()
    companion, stranger = await accompanying(there, "cousin"), await accompanying(there, "stranger")
    await companion.hears("welcome", is_admitted=False)
    await stranger.hears("welcome", is_admitted=False)
    await doctor.say("companion", id="stranger", is_in=False)
    await stranger.hears("ended", reason="put_out")
    await doctor.say("companion", id="cousin", is_in=True)
    await companion.hears("start")
    stub.enter(here.room_id, "companion:cousin")
    await doctor.say("companion", id="cousin", is_in=False)
    await companion.hears("ended", reason="put_out")
    await until(lambda: "companion:cousin" not in stub.rooms[str(here.room_id)])
    again = await accompanying(there, "cousin")
    await again.hears("ended", reason="put_out")
    # Nobody was put out with them.
    await insured.say("problem", code="no_camera")
    await doctor.hears("peer_problem")


async def test_a_companion_who_was_let_in_stays_so_through_a_reload_and_not_through_a_new_stay(desk: Desk) -> None:
    doctor, insured = await desk.both()
    companion = await accompanying(desk, "cousin")
    await companion.hears("welcome", is_admitted=False)
    await doctor.say("companion", id="cousin", is_in=True)
    await companion.hears("admitted")
    await companion.socket.close()
    await doctor.hears("company", people=[])
    again = await accompanying(desk, "cousin", page="a-new-page")
    await again.hears("welcome", is_admitted=True)
    await insured.say("bye", for_good=True)
    await again.hears("ended", reason="finished")
    insured = await desk.join(INSURED, "back-again")
    await insured.hears("welcome", is_admitted=False)
    await doctor.say("admit")
    await insured.hears("admitted")
    later = await accompanying(desk, "cousin", page="once-more")
    await later.hears("welcome", is_admitted=False)


async def test_a_companion_alone_has_not_arrived(desk: Desk) -> None:
    companion = await accompanying(desk, "cousin")
    await companion.hears("welcome", is_admitted=False)
    assert not (await desk.attendance()).had_arrived


async def test_a_room_that_the_record_closes_is_over_for_companions_too_and_at_livekit(
    two: list[Desk], stub: LivekitStub
) -> None:
    here, there = two
    doctor, insured = await here.both()
    inside, cut = await accompanying(there, "cousin"), await accompanying(there, "interpreter")
    for each, who in ((inside, "cousin"), (cut, "interpreter")):
        await each.hears("welcome")
        await doctor.say("companion", id=who, is_in=True)
        await each.hears("start", epoch=1)
    await cut.socket.close()
    back = await accompanying(there, "interpreter", epoch=1, live=True)
    await back.hears("admitted")
    await back.say("stuck", epoch=1, reason="frozen")
    await back.hears("start", epoch=2)
    starts = [message["epoch"] for message in back.heard if message["type"] == "start"]
    assert starts == [2], "their picture went on"
    await insured.say("bye", for_good=True)
    for each in (inside, back):
        await each.hears("ended", reason="finished")
    waiting = await accompanying(there, "cousin")
    await waiting.hears("welcome", is_admitted=False)
    async with here.database.transaction() as session:
        await rooms.close_room(session, subject_id=here.subject_id, now=here.clock.now())
    await doctor.hears("ended", reason="closed")
    await waiting.hears("ended", reason="closed")
    await until(lambda: str(here.room_id) not in stub.rooms)


async def test_a_companion_who_waits_alone_hears_that_the_record_closed_the_room(desk: Desk) -> None:
    companion = await accompanying(desk, "cousin")
    await companion.hears("welcome", is_admitted=False)
    async with desk.database.transaction() as session:
        assert await rooms.close_room(session, subject_id=desk.subject_id, now=desk.clock.now()) == desk.room_id
    await companion.hears("ended", reason="closed")


# Settings.


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"livekit_url": ""}, "LIVEKIT_URL must be the address"),
        ({"livekit_url": "https://media.example"}, "LIVEKIT_URL must be the address"),
        ({"livekit_url": "ws://media.example"}, "plain ws outside this machine"),
        ({"livekit_api_key": ""}, "API_KEY is empty"),
        ({"livekit_api_secret": "short"}, "32 characters"),
    ],
)
def test_settings_that_must_not_start(settings: MakeSettings, given: dict[str, Any], reason: str) -> None:
    values = {"video_provider": VideoProvider.LIVEKIT, "livekit_url": "wss://media.example", **given}
    with pytest.raises(Exception, match=reason):
        settings(**values).require_startable()


def test_several_processes_start_with_livekit_alone(settings: MakeSettings) -> None:
    several = {"web_processes": 3, "database_url": "postgresql+asyncpg://localhost/x"}
    settings(video_provider=VideoProvider.LIVEKIT, livekit_url="wss://media.example", **several).require_startable()
    with pytest.raises(Exception, match="the built-in call takes one process"):
        settings(**several).require_startable()


assert Settings.model_fields["livekit_api_key"].default == livekit_server.KEY
