"""The SMS channel against a local server that speaks Twilio's Messages API: outcomes, evidence, signed callbacks."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]

from telecontrol.clock import VirtualClock
from telecontrol.config import Settings
from telecontrol.notify.sms import TwilioTarget, callback_url
from telecontrol.notify.sms_text import segments
from telecontrol.notify.twilio_codes import VERDICTS, verdict_of
from telecontrol.notify.twilio_signature import check_signature
from telecontrol.outbox.targets import NOT_OURS, Accepted, Ambiguous, Evidence, Outcome, Outgoing, Rejected
from tests.notify.samples import NOW, outgoing
from tests.support.ports import free_port
from tests.support.twilio_server import ACCOUNT, SERVICE, TOKEN, TwilioServer, callback_form

CLOCK = VirtualClock(frozen_at=NOW)
Make = Callable[..., Settings]


def given(settings: Make, url: str, **more: Any) -> Settings:
    values = {
        "sms_channel": "twilio",
        "twilio_account_sid": ACCOUNT,
        "twilio_auth_token": TOKEN,
        "twilio_messaging_service_sid": SERVICE,
        "twilio_api_url": url,
        "public_url": "https://rdv.telecontrol.example",
    }
    return settings(**{**values, **more})


def ready(target: TwilioTarget, **changes: Any) -> Outgoing:
    one = outgoing(channel="sms", **changes)
    return replace(one, content=target.prepare(one))


async def send(settings: Make, server: TwilioServer, **changes: Any) -> Outcome:
    target = TwilioTarget(given(settings, server.url), clock=CLOCK)
    try:
        return await target.deliver(ready(target, **changes))
    finally:
        await target.close()


async def test_a_text_is_taken_with_all_that_goes_with_it(settings: Make) -> None:
    with TwilioServer() as server:
        target = TwilioTarget(given(settings, server.url), clock=CLOCK)
        one = ready(target, not_after=NOW + timedelta(hours=3))
        outcome = await target.deliver(one)
        await target.close()
    [sms] = server.ledger
    assert outcome == Accepted(sms.sid, "accepted")
    assert sms.body == one.content.decode()
    assert sms.to == "+33639981234"
    assert sms.service == SERVICE
    assert sms.callback == f"https://rdv.telecontrol.example/hooks/twilio/status/{one.intent_id}"
    assert sms.validity == 3 * 3600
    assert segments(sms.body).alphabet == "GSM-7"


async def test_nothing_is_sent_once_it_is_useless(settings: Make) -> None:
    with TwilioServer() as server:
        assert await send(settings, server, not_after=NOW + timedelta(seconds=2)) == Rejected(
            permanent=True, code="too_late"
        )
        assert await send(settings, server, not_after=NOW - timedelta(days=1)) == Rejected(
            permanent=True, code="too_late"
        )
        assert isinstance(await send(settings, server, not_after=NOW + timedelta(days=9)), Accepted)
    assert [sms.validity for sms in server.ledger] == [36_000]


@pytest.mark.parametrize(
    ("behaviour", "expected"),
    [
        (
            "error:400:21211",
            Rejected(permanent=True, code="21211", reply="Unable to create record: refused with 21211"),
        ),
        (
            "error:400:21610",
            Rejected(permanent=True, code="21610", reply="Unable to create record: refused with 21610"),
        ),
        (
            "error:400:21614",
            Rejected(permanent=True, code="21614", reply="Unable to create record: refused with 21614"),
        ),
        (
            "error:400:30006",
            Rejected(permanent=True, code="30006", reply="Unable to create record: refused with 30006"),
        ),
        (
            "error:400:30007",
            Rejected(permanent=True, code="30007", reply="Unable to create record: refused with 30007"),
        ),
        (
            "error:400:30003",
            Rejected(
                permanent=False,
                code="30003",
                reply="Unable to create record: refused with 30003",
                retry_after=timedelta(hours=2),
            ),
        ),
        (
            "error:400:21999",
            Rejected(permanent=True, code="21999", reply="Unable to create record: refused with 21999"),
        ),
        ("busy:7", Rejected(permanent=False, code="429", retry_after=timedelta(seconds=7))),
        ("busy:soon", Rejected(permanent=False, code="429")),
        (
            "error:403:20005",
            Rejected(
                permanent=False, code="20005", reply="Unable to create record: refused with 20005", stops_target=True
            ),
        ),
        (
            "error:401:99999",
            Rejected(
                permanent=False, code="99999", reply="Unable to create record: refused with 99999", stops_target=True
            ),
        ),
        ("error:500:20500", Ambiguous("http_500", "Unable to create record: refused with 20500")),
        ("error:503:20503", Ambiguous("http_503", "Unable to create record: refused with 20503")),
        ("status:502", Ambiguous("http_502", "Unable to create record")),
        ("cut", Ambiguous("reply_lost", "RemoteProtocolError")),
        ("lost", Ambiguous("reply_lost", "RemoteProtocolError")),
        ("garbled", Ambiguous("reply_unreadable", "JSONDecodeError")),
        ("no-id", Ambiguous("reply_unreadable", "no id")),
    ],
)
async def test_each_answer_becomes_its_outcome(settings: Make, behaviour: str, expected: Outcome) -> None:
    with TwilioServer(script=[behaviour]) as server:
        assert await send(settings, server) == expected
    assert len(server.ledger) == (1 if behaviour in {"lost", "garbled"} else 0)


async def test_a_slow_answer_is_ambiguous_and_nobody_there_is_a_refusal(settings: Make) -> None:
    with TwilioServer(script=["slow:1"]) as server:
        target = TwilioTarget(given(settings, server.url), clock=CLOCK, timeout=0.2)
        assert await target.deliver(ready(target)) == Ambiguous("reply_lost", "ReadTimeout")
        assert len(server.ledger) == 1
        await target.close()
    target = TwilioTarget(given(settings, f"http://127.0.0.1:{free_port()}"), clock=CLOCK)
    assert await target.deliver(ready(target)) == Rejected(permanent=False, code="connect_failed", reply="ConnectError")
    await target.close()


async def test_no_credit_stops_the_channel_and_credit_frees_it(settings: Make) -> None:
    with TwilioServer(script=["error:403:10001"] * 2) as server:
        for _ in range(2):
            outcome = await send(settings, server)
            assert isinstance(outcome, Rejected)
            assert (outcome.permanent, outcome.stops_target) == (False, True)
        assert isinstance(await send(settings, server), Accepted)
    assert len(server.ledger) == 1


@pytest.mark.parametrize("number", ["0112345678", "+33899123456", "nobody", "12"])
async def test_a_number_without_sms_never_reaches_twilio(settings: Make, number: str) -> None:
    with TwilioServer() as server:
        outcome = await send(settings, server, recipient=number)
    assert isinstance(outcome, Rejected)
    assert outcome.permanent
    assert outcome.code.startswith("phone_")
    assert server.requests == []


async def test_a_message_cancelled_while_it_waited_does_not_leave(settings: Make) -> None:
    async def no_longer() -> bool:
        return False

    with TwilioServer() as server:
        assert await send(settings, server, still_ours=no_longer) == Rejected(permanent=False, code=NOT_OURS)
    assert server.requests == []


async def test_one_shared_http_client_is_used_and_left_open(settings: Make) -> None:
    async with httpx2.AsyncClient() as http:
        with TwilioServer() as server:
            target = TwilioTarget(given(settings, server.url), clock=CLOCK, http=http)
            for _ in range(3):
                assert isinstance(await target.deliver(ready(target)), Accepted)
            await target.close()
        assert not http.is_closed


async def test_evidence_of_a_lost_answer(settings: Make) -> None:
    with TwilioServer(script=["take", "lost", "cut"], now=NOW) as server:
        target = TwilioTarget(given(settings, server.url), clock=CLOCK)
        reminder, invitation, other = (
            ready(target, kind="reminder"),
            ready(target),
            ready(target, recipient="+33639980000"),
        )
        reminder = replace(reminder, content=b"CPAM: rappel https://rdv.telecontrol.example/i/Ab")
        assert isinstance(await target.deliver(reminder), Accepted)
        assert isinstance(await target.deliver(invitation), Ambiguous)
        assert isinstance(await target.deliver(other), Ambiguous)
        taken = next(sms for sms in server.ledger if sms.body == invitation.content.decode())
        assert await target.look_up(invitation) == Evidence(taken=True, provider_id=taken.sid, detail="accepted")
        assert await target.look_up(other) == Evidence(taken=False, detail="0 listed")
        taken.status = "delivered"
        assert (await target.look_up(invitation)).taken is True
        await target.close()


async def test_evidence_knows_its_limits(settings: Make) -> None:
    clock = VirtualClock(frozen_at=NOW)
    with TwilioServer(now=NOW - timedelta(hours=5)) as server:
        target = TwilioTarget(given(settings, server.url), clock=clock)
        one = ready(target)
        assert isinstance(await target.deliver(one), Accepted)
        # The same words five hours ago are another message; a moment ago nothing can be denied yet.
        later = replace(one, attempted_at=NOW)
        assert (await target.look_up(later)).taken is None
        clock.advance(timedelta(minutes=5))
        assert (await target.look_up(later)).taken is False
        assert (await target.look_up(replace(one, attempted_at=NOW - timedelta(hours=5)))).taken is True
        server.tell("status:500")
        assert (await target.look_up(one)).taken is None
    assert (await target.look_up(one)).taken is None, "nobody answers"
    await target.close()


def test_the_table_of_codes() -> None:
    assert verdict_of(30003).retries == 1
    assert verdict_of(30007).tells_operations
    assert verdict_of(30007).permanent
    for code in (21211, 21610, 21614, 30006):
        assert verdict_of(code).permanent, code
        assert verdict_of(code).address_is_bad, code
    for code in (10001, 20003, 20005, 30002):
        assert verdict_of(code).stops_target, code
    assert not any(verdict.permanent and verdict.stops_target for verdict in VERDICTS.values())
    assert verdict_of(0, status=429).permanent is False
    assert verdict_of(0, status=404).permanent


# --- signatures ------------------------------------------------------------------------------------------------------


def sign(url: str, form: dict[str, str], token: str = TOKEN) -> str:
    return str(RequestValidator(token).compute_signature(url, form))


def test_signatures_are_checked_against_the_public_address(settings: Make) -> None:
    configured = given(settings, "http://unused")
    path = "/hooks/twilio/status/0b7e3a9d-5c11-4b6e-8f2a-b1946ac92492"
    form = {"MessageSid": "SM1", "MessageStatus": "delivered", "To": "+33639981234"}
    good = sign(configured.public_url + path, form)
    assert check_signature(configured, path, form, good)
    assert check_signature(configured, path, list(form.items()), good)
    assert not check_signature(configured, path, {**form, "MessageStatus": "failed"}, good)
    assert not check_signature(configured, path, {**form, "Extra": "1"}, good)
    assert not check_signature(configured, path + "?a=1", form, good)
    assert not check_signature(configured, path, form, sign("http://10.0.0.7:8000" + path, form))
    assert not check_signature(configured, path, form, sign(configured.public_url + path, form, "another token"))
    assert not check_signature(configured, path, form, "")
    assert not check_signature(
        given(settings, "x", twilio_auth_token=""), path, form, sign(configured.public_url + path, form, "")
    )


def test_a_query_and_repeated_fields_are_signed_too(settings: Make) -> None:
    configured = given(settings, "http://unused", public_url="https://rdv.telecontrol.example/")
    path = "/hooks/twilio/status/1?bodySHA=1&x=é"
    pairs = [("Media", "b"), ("Media", "a"), ("MessageSid", "SM1")]

    class Several(dict[str, str]):
        def getlist(self, name: str) -> list[str]:
            return [value for key, value in pairs if key == name]

    good = sign("https://rdv.telecontrol.example" + path, Several(pairs))
    assert check_signature(configured, path, pairs, good)
    assert not check_signature(configured, path, pairs[1:], good)


async def test_the_callback_that_the_server_sends_passes_the_check(settings: Make) -> None:
    with TwilioServer() as server:
        configured = given(settings, server.url)
        target = TwilioTarget(configured, clock=CLOCK)
        one = ready(target)
        await target.deliver(one)
        await target.close()
    [sms] = server.ledger
    assert sms.callback == callback_url(configured, one)
    form = callback_form(sms, "undelivered", error_code=30003)
    assert check_signature(configured, sms.callback.removeprefix(configured.public_url), form, sign(sms.callback, form))


def test_the_sdk_is_imported_only_where_sms_is_sent() -> None:
    """It costs half a second and 40 MiB: a process that sends none never pays for it."""
    program = (
        "import sys; import telecontrol.notify.targets, telecontrol.notify.sms, telecontrol.notify.twilio_signature;"
        "sys.exit(any(name.startswith('twilio') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
