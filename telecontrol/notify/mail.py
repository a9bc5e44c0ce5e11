"""The mail channel: stored bytes over SMTP, one recipient each, with an honest account of what the server answered.

Until the server has said 354 nothing of the message has left, so every failure is a refusal. From the first byte of the
content on, a missing answer is an ambiguity (RFC 5321 4.5.3.2.6: the final reply may take ten minutes).
"""

from __future__ import annotations

import re
import ssl

import aiosmtplib
from aiosmtplib import SMTP

from telecontrol.clock import Clock
from telecontrol.config import Settings
from telecontrol.errors import InvalidInput
from telecontrol.notify.checks import check_recipient
from telecontrol.notify.messages import MAIL, prepare_mail
from telecontrol.notify.replies import clean_reply
from telecontrol.notify.smtp_pool import (
    CHECK_AFTER,
    COMMAND_TIMEOUT,
    Connection,
    SmtpPool,
    SmtpServer,
    Unusable,
    is_loopback,
)
from telecontrol.notify.smtp_replies import refused
from telecontrol.outbox.targets import NOT_OURS, Accepted, Ambiguous, Evidence, Outcome, Outgoing, Rejected

_MESSAGE_ID = re.compile(rb"(?mi)^Message-ID:\s*<([^>\s]{1,250})>")
_LINE_START_DOT = re.compile(rb"(?m)^\.")


class MailTarget:
    """Sends through the relay of the settings. `tls_context` is for relays with a private authority."""

    name = MAIL
    takes_idempotency_key = False

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock,
        tls_context: ssl.SSLContext | None = None,
        requires_tls: bool | None = None,
        check_after: float = CHECK_AFTER,
    ) -> None:
        self._clock = clock
        self._sender = settings.mail_from
        self._final_timeout = settings.smtp_timeout
        server = SmtpServer(
            host=settings.smtp_host,
            port=settings.smtp_port,
            username=settings.smtp_username,
            password=settings.smtp_password.get_secret_value(),
            local_name=settings.mail_from.rpartition("@")[2] or "localhost",
            requires_tls=not is_loopback(settings.smtp_host) if requires_tls is None else requires_tls,
            tls_context=tls_context,
        )
        self._pool = SmtpPool(server, size=settings.smtp_pool_size, check_after=check_after)

    def prepare(self, outgoing: Outgoing) -> bytes:
        return prepare_mail(outgoing, now=self._clock.now())

    async def deliver(self, outgoing: Outgoing) -> Outcome:
        try:
            recipient = check_recipient(outgoing.recipient)
        except InvalidInput as error:
            return Rejected(permanent=True, code=error.code)
        async with self._pool.place():
            connection = await self._pool.reuse()
            if connection is not None:
                outcome = await self._send(connection, outgoing, recipient)
                if outcome is not None:
                    return outcome
            # The kept connection had gone: nothing was sent, so a fresh one is not a second attempt.
            try:
                connection = await self._pool.open()
            except Unusable as error:
                return error.rejected
            outcome = await self._send(connection, outgoing, recipient)
            return outcome or Rejected(permanent=False, code="cut_before_data")

    async def look_up(self, outgoing: Outgoing) -> Evidence:
        """SMTP cannot say afterwards whether it took a message."""
        return Evidence(taken=None)

    async def close(self) -> None:
        await self._pool.close()

    async def _send(self, connection: Connection, outgoing: Outgoing, recipient: str) -> Outcome | None:
        """One message over one connection; None when the connection broke before anything was sent."""
        client = connection.client
        reusable = False
        try:
            refusal = await self._announce(client, outgoing, recipient)
            if refusal is None:
                outcome = await self._transmit(client, outgoing)
            elif connection.is_reused and refusal.code.startswith("421"):
                return None
            else:
                outcome = refusal
            reusable = client.is_connected and await _is_ready_again(client, after=outcome)
            return outcome
        except (aiosmtplib.SMTPServerDisconnected, aiosmtplib.SMTPTimeoutError, OSError):
            return None
        finally:
            if reusable:
                self._pool.give_back(connection)
            else:
                client.close()

    async def _announce(self, client: SMTP, outgoing: Outgoing, recipient: str) -> Rejected | None:
        """Name the sender and the recipient and ask to send; what was refused, or None when the server waits for content."""
        has_dsn = client.supports_extension("dsn")
        # A bounce then names our intent, and brings back headers instead of the whole message.
        options = ["RET=HDRS", f"ENVID={outgoing.intent_id}"] if has_dsn else []
        try:
            await client.mail(self._sender, options=options)
            await client.rcpt(recipient)
        except aiosmtplib.SMTPSenderRefused as error:
            return refused(error.code, str(error.message), before_recipient=True)
        except aiosmtplib.SMTPResponseException as error:
            return refused(error.code, str(error.message), before_recipient=False)
        if not await outgoing.still_ours():
            return Rejected(permanent=False, code=NOT_OURS)
        answer = await client.execute_command(b"DATA", timeout=COMMAND_TIMEOUT)
        if answer.code != 354:
            return refused(answer.code, answer.message, before_recipient=False)
        return None

    async def _transmit(self, client: SMTP, outgoing: Outgoing) -> Outcome:
        """Send the content and wait for the last word. Nothing here is a refusal unless the server says so."""
        protocol = client.protocol
        if protocol is None:
            raise aiosmtplib.SMTPServerDisconnected("the connection closed after 354")
        # A write that raises found the line already closed: nothing left, so it is no ambiguity.
        protocol.write(_on_the_wire(outgoing.content))
        try:
            answer = await protocol.read_response(timeout=self._final_timeout)
        except aiosmtplib.SMTPTimeoutError:
            client.close()
            return Ambiguous("final_reply_timeout")
        except (aiosmtplib.SMTPException, OSError) as error:
            client.close()
            return Ambiguous("final_reply_lost", type(error).__name__)
        if 200 <= answer.code < 300:
            return Accepted(_message_id(outgoing), clean_reply(f"{answer.code} {answer.message}"))
        if answer.code >= 400:
            return refused(answer.code, answer.message, before_recipient=False)
        return Ambiguous("final_reply_unknown", clean_reply(f"{answer.code} {answer.message}"))


async def _is_ready_again(client: SMTP, *, after: Outcome) -> bool:
    """Whether the connection can take another message: yes after a success, after RSET otherwise, never after 421."""
    if isinstance(after, Accepted):
        return True
    if isinstance(after, Ambiguous) or after.code.startswith("421") or after.stops_target:
        return False
    try:
        await client.rset()
    except (aiosmtplib.SMTPException, OSError):
        return False
    return True


def _message_id(outgoing: Outgoing) -> str:
    """The message's own name, which a bounce brings back: what SMTP has for a provider's id."""
    found = _MESSAGE_ID.search(outgoing.content)
    return found[1].decode("ascii", "replace") if found else str(outgoing.intent_id)


def _on_the_wire(content: bytes) -> bytes:
    """The stored bytes with leading dots doubled, and the final dot (RFC 5321 4.5.2)."""
    ended = content if content.endswith(b"\r\n") else content + b"\r\n"
    return _LINE_START_DOT.sub(b"..", ended) + b".\r\n"
