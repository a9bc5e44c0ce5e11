"""The mail channel against a real SMTP server: every answer and every cut becomes the outcome that the outbox must hear."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from telecontrol.clock import VirtualClock
from telecontrol.config import Settings
from telecontrol.notify.mail import MailTarget
from telecontrol.notify.smtp_pool import is_loopback
from telecontrol.outbox.targets import NOT_OURS, Accepted, Ambiguous, Outcome, Outgoing, Rejected
from tests.notify.samples import NOW, outgoing
from tests.support.ports import free_port
from tests.support.smtp_server import SmtpServer

CLOCK = VirtualClock(frozen_at=NOW)
Make = Callable[..., Settings]


@asynccontextmanager
async def target_of(
    settings: Make,
    server: SmtpServer,
    *,
    context: ssl.SSLContext | None = None,
    requires_tls: bool | None = None,
    check_after: float = 5.0,
    **given: Any,
) -> AsyncIterator[MailTarget]:
    values = {"smtp_host": "127.0.0.1", "smtp_port": server.port, "smtp_timeout": 5.0, "smtp_pool_size": 2, **given}
    target = MailTarget(
        settings(**values), clock=CLOCK, tls_context=context, requires_tls=requires_tls, check_after=check_after
    )
    try:
        yield target
    finally:
        await target.close()


def ready(target: MailTarget, **changes: Any) -> Outgoing:
    one = outgoing(**changes)
    return replace(one, content=target.prepare(one))


async def send(settings: Make, server: SmtpServer, **given: Any) -> Outcome:
    async with target_of(settings, server, **given) as target:
        return await target.deliver(ready(target))


async def test_the_stored_bytes_arrive_as_they_are(settings: Make) -> None:
    with SmtpServer() as server:
        async with target_of(settings, server) as target:
            one = ready(target)
            dotted = replace(one, content=one.content + b".first\r\n..second\r\nlast\r\n")
            outcome = await target.deliver(dotted)
    assert outcome == Accepted(f"{one.intent_id}@telecontrol.example", "250 2.0.0 queued as 1")
    [taken] = server.ledger
    assert taken.content == dotted.content
    assert (taken.sender, taken.recipient) == ("rendez-vous@telecontrol.example", "personne@example.org")
    assert taken.message["Message-ID"] == f"<{one.intent_id}@telecontrol.example>"


@pytest.mark.parametrize(
    ("behaviour", "expected"),
    [
        ("rcpt:450 4.2.0 greylisted", Rejected(permanent=False, code="450 4.2.0", reply="450 4.2.0 greylisted")),
        ("end:451 4.3.0 later", Rejected(permanent=False, code="451 4.3.0", reply="451 4.3.0 later")),
        ("data:452 4.3.1 full", Rejected(permanent=False, code="452 4.3.1", reply="452 4.3.1 full")),
        ("mail:451 4.7.1 later", Rejected(permanent=False, code="451 4.7.1", reply="451 4.7.1 later")),
        ("rcpt:550 5.1.1 nobody", Rejected(permanent=True, code="550 5.1.1", reply="550 5.1.1 nobody")),
        ("end:554 5.7.1 no", Rejected(permanent=True, code="554 5.7.1", reply="554 5.7.1 no")),
        ("data:554 no", Rejected(permanent=True, code="554", reply="554 no")),
        ("421", Rejected(permanent=False, code="421 4.3.2", reply="421 4.3.2 closing")),
        ("421-end", Rejected(permanent=False, code="421 4.3.2", reply="421 4.3.2 closing")),
        ("greet:421 4.3.2 busy", Rejected(permanent=False, code="421 4.3.2", reply="421 4.3.2 busy")),
        (
            "mail:550 5.7.1 not you",
            Rejected(permanent=False, code="550 5.7.1", reply="550 5.7.1 not you", stops_target=True),
        ),
        (
            "rcpt:530 5.7.0 sign in",
            Rejected(permanent=False, code="530 5.7.0", reply="530 5.7.0 sign in", stops_target=True),
        ),
        ("greet:554 no service", Rejected(permanent=False, code="554", reply="554 no service", stops_target=True)),
        ("mail-cut", Rejected(permanent=False, code="cut_before_data")),
        ("rcpt-cut", Rejected(permanent=False, code="cut_before_data")),
        ("data-cut", Rejected(permanent=False, code="cut_before_data")),
        ("greet-cut", Rejected(permanent=False, code="connect_failed")),
        ("end-cut", Ambiguous("final_reply_lost", "SMTPServerDisconnected")),
        ("end-lost", Ambiguous("final_reply_lost", "SMTPServerDisconnected")),
        ("content-cut", Ambiguous("final_reply_lost", "SMTPServerDisconnected")),
    ],
)
async def test_each_answer_becomes_its_outcome(settings: Make, behaviour: str, expected: Outcome) -> None:
    with SmtpServer(script=[behaviour]) as server:
        assert await send(settings, server) == expected
    assert len(server.ledger) == (1 if behaviour == "end-cut" else 0), "taken exactly when the server said or kept it"


async def test_a_late_final_reply_is_awaited_and_a_missing_one_is_ambiguous(settings: Make) -> None:
    with SmtpServer(script=["slow:0.5"]) as server:
        assert isinstance(await send(settings, server), Accepted)
    with SmtpServer(script=["slow:2"]) as server:
        outcome = await send(settings, server, smtp_timeout=0.3)
        assert outcome == Ambiguous("final_reply_timeout")
        assert len(server.ledger) == 1


async def test_nobody_listening_is_a_refusal(settings: Make) -> None:
    target = MailTarget(settings(smtp_host="127.0.0.1", smtp_port=free_port()), clock=CLOCK)
    assert await target.deliver(ready(target)) == Rejected(permanent=False, code="connect_failed")


async def test_connections_are_kept_and_used_again(settings: Make) -> None:
    with SmtpServer(script=["take", "rcpt:550 5.1.1 nobody", "end:451 later"]) as server:
        async with target_of(settings, server) as target:
            outcomes = [await target.deliver(ready(target)) for _ in range(5)]
    assert server.connections == 1
    assert [type(outcome) for outcome in outcomes] == [Accepted, Rejected, Rejected, Accepted, Accepted]
    assert server.dialogue[-1] == "QUIT"


async def test_a_connection_that_went_stale_is_no_ambiguity(settings: Make) -> None:
    """The server closes idle lines: nothing was sent on them, so the message simply goes over a fresh one."""
    with SmtpServer() as server:
        async with target_of(settings, server) as target:
            assert isinstance(await target.deliver(ready(target)), Accepted)
            server.close_lines()
            assert isinstance(await target.deliver(ready(target)), Accepted)
            # Cut so late that only the next command can notice.
            server.tell("mail-cut", "take", "421", "take", "data-cut", "take")
            for _ in range(3):
                assert isinstance(await target.deliver(ready(target)), Accepted)
    assert len(server.ledger) == 5
    assert server.connections == 5


async def test_a_server_that_closes_after_each_message(settings: Make) -> None:
    with SmtpServer(script=["take-close"] * 4) as server:
        async with target_of(settings, server) as target:
            for _ in range(4):
                assert isinstance(await target.deliver(ready(target)), Accepted)
    assert len(server.ledger) == 4


async def test_an_old_idle_connection_is_tried_before_it_is_lent(settings: Make) -> None:
    with SmtpServer() as server:
        async with target_of(settings, server, check_after=0.0) as target:
            for _ in range(2):
                assert isinstance(await target.deliver(ready(target)), Accepted)
    assert "NOOP" in server.dialogue
    assert server.connections == 1


async def test_the_pool_opens_no_more_than_its_size(settings: Make) -> None:
    with SmtpServer(script=["slow:0.2"] * 8) as server:
        async with target_of(settings, server, smtp_pool_size=3) as target:
            outcomes = await asyncio.gather(*(target.deliver(ready(target)) for _ in range(8)))
    assert all(isinstance(outcome, Accepted) for outcome in outcomes)
    assert server.connections == 3
    assert len(server.ledger) == 8


async def test_tls_is_required_away_from_this_machine(settings: Make) -> None:
    """The relay stands on 127.0.0.1 here, so the test says itself that the line leaves the machine."""
    with SmtpServer() as server:
        outcome = await send(settings, server, requires_tls=True)
    assert outcome == Rejected(permanent=False, code="tls_not_offered", stops_target=True)
    assert "MAIL" not in server.dialogue
    assert is_loopback("127.0.0.1")
    assert is_loopback("localhost")
    assert is_loopback("[::1]")
    assert not is_loopback("smtp.example.org")
    assert not is_loopback("192.0.2.1")


async def test_encrypted_and_signed_in(settings: Make) -> None:
    with SmtpServer(tls=True, requires_tls=True, user=("telecontrol", "secret word")) as server:
        outcome = await send(
            settings,
            server,
            context=server.client_context(),
            requires_tls=True,
            smtp_host="localhost",
            smtp_username="telecontrol",
            smtp_password="secret word",
        )
    assert isinstance(outcome, Accepted)
    assert server.ledger[0].over_tls


async def test_an_unknown_certificate_stops_the_channel(settings: Make) -> None:
    with SmtpServer(tls=True, requires_tls=True) as server:
        outcome = await send(settings, server, requires_tls=True)
    assert isinstance(outcome, Rejected)
    assert (outcome.code, outcome.permanent, outcome.stops_target) == ("tls_certificate", False, True)
    assert server.ledger == []


async def test_a_certificate_for_another_name_stops_the_channel(settings: Make) -> None:
    async with AsyncExitStack() as stack:
        server = stack.enter_context(SmtpServer(tls=True))
        context = server.client_context()
        host = "relay.localhost"
        # The name resolves to this machine without any DNS: only the certificate does not know it.
        found = socket.getaddrinfo("127.0.0.1", server.port, type=socket.SOCK_STREAM)
        loop = asyncio.get_running_loop()

        async def resolve(name: str, *_: Any, **__: Any) -> Any:
            assert name == host
            return found

        stack.enter_context(pytest.MonkeyPatch.context()).setattr(loop, "getaddrinfo", resolve)
        outcome = await send(settings, server, context=context, requires_tls=True, smtp_host=host)
    assert isinstance(outcome, Rejected)
    assert (outcome.code, outcome.stops_target) == ("tls_certificate", True)


async def test_on_this_machine_encryption_is_used_when_offered(settings: Make) -> None:
    with SmtpServer(tls=True) as server:
        assert isinstance(await send(settings, server), Accepted)
    assert server.ledger[0].over_tls


@pytest.mark.parametrize(
    ("server", "code"),
    [
        (SmtpServer(user=("telecontrol", "right")), "auth_535"),
        (SmtpServer(user=("telecontrol", "wrong"), auth_reply="454 4.7.0 later"), "auth_454"),
        (SmtpServer(), "auth_not_offered"),
    ],
)
async def test_a_failed_sign_in_stops_the_channel(settings: Make, server: SmtpServer, code: str) -> None:
    with server:
        outcome = await send(settings, server, smtp_username="telecontrol", smtp_password="wrong")
    assert isinstance(outcome, Rejected)
    assert (outcome.code, outcome.permanent, outcome.stops_target) == (code, False, True)


async def test_bounces_will_name_the_intent(settings: Make) -> None:
    with SmtpServer(dsn=True) as server:
        async with target_of(settings, server) as target:
            one = ready(target)
            await target.deliver(one)
    assert server.ledger[0].options == f"RET=HDRS ENVID={one.intent_id}"


async def test_an_address_that_mail_cannot_carry_is_refused_at_once(settings: Make) -> None:
    with SmtpServer() as server:
        async with target_of(settings, server) as target:
            for address in ("a@b.fr\r\nRCPT TO:<x@y.fr>", "no address", "é@example.org", "a@b.fr>"):
                outcome = await target.deliver(replace(ready(target), recipient=address))
                assert outcome == Rejected(permanent=True, code="address_invalid")
    assert server.connections == 0


async def test_a_message_cancelled_while_it_waited_does_not_leave(settings: Make) -> None:
    async def no_longer() -> bool:
        return False

    with SmtpServer() as server:
        async with target_of(settings, server) as target:
            outcome = await target.deliver(replace(ready(target), still_ours=no_longer))
            assert outcome == Rejected(permanent=False, code=NOT_OURS)
            assert isinstance(await target.deliver(ready(target)), Accepted)
    assert "DATA" in server.dialogue
    assert len(server.ledger) == 1


async def test_what_the_server_repeats_of_the_person_is_masked(settings: Make) -> None:
    said = "rcpt:550 5.1.1 <personne@example.org> unknown, see https://x.example/i/Ab3dE6gH9jK2mN5pQ8sT1v +33639981234"
    with SmtpServer(script=[said]) as server:
        outcome = await send(settings, server)
    assert isinstance(outcome, Rejected)
    assert outcome.reply == "550 5.1.1 <[address]> unknown, see https://x.example/i/[link] [number]"


async def test_a_delivery_that_is_stopped_leaves_no_open_line_behind(settings: Make) -> None:
    with SmtpServer(script=["slow:1", "take"]) as server:
        async with target_of(settings, server) as target:
            task = asyncio.create_task(target.deliver(ready(target)))
            async with asyncio.timeout(5):
                while not server.ledger:
                    await asyncio.sleep(0.01)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert isinstance(await target.deliver(ready(target)), Accepted)
    assert server.connections == 2, "a line that waits for an answer to another message is never lent"


async def test_many_messages_one_bad_address_stops_nobody(settings: Make) -> None:
    script = ["rcpt:550 5.1.1 nobody" if number == 17 else "take" for number in range(40)]
    with SmtpServer(script=script) as server:
        async with target_of(settings, server, smtp_pool_size=4) as target:
            outcomes = await asyncio.gather(*(target.deliver(ready(target)) for _ in range(40)))
    assert sum(isinstance(outcome, Accepted) for outcome in outcomes) == 39
    assert len(server.ledger) == 39
