"""SMTP connections, kept open and lent one message at a time.

Everything that goes wrong while a connection is opened happened before any message left: it is a refusal, never an ambiguity.
"""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import aiosmtplib
from aiosmtplib import SMTP

from telecontrol.notify.smtp_replies import refused
from telecontrol.outbox.targets import Rejected

CONNECT_TIMEOUT = 30.0
COMMAND_TIMEOUT = 60.0
"""Seconds for one command before DATA: giving up there is harmless, for nothing was sent."""
CHECK_TIMEOUT = 10.0
CHECK_AFTER = 5.0
"""Seconds after which an idle connection is tried with NOOP before it is lent."""
_TOO_OLD = 240.0
"""Servers close idle connections after five minutes (RFC 5321 4.5.3.2.7): ours are closed a little before."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SmtpServer:
    """Where mail is handed over, and how."""

    host: str
    port: int
    username: str
    password: str
    local_name: str
    """What we call ourselves in EHLO."""
    requires_tls: bool
    tls_context: ssl.SSLContext | None = None


class Unusable(Exception):
    """No connection could be opened; `rejected` says why, as the outbox wants to hear it."""

    def __init__(self, rejected: Rejected) -> None:
        super().__init__(rejected.code)
        self.rejected = rejected


@dataclass(slots=True)
class Connection:
    """A connection and when it was last used (monotonic seconds). `is_reused` ones may have gone stale unnoticed."""

    client: SMTP
    is_reused: bool
    used_at: float


class SmtpPool:
    """At most `size` connections to one server. One per process; `close()` at the end."""

    def __init__(self, server: SmtpServer, *, size: int, check_after: float = CHECK_AFTER) -> None:
        self._check_after = check_after
        self._server = server
        self._places = asyncio.Semaphore(size)
        self._idle: deque[Connection] = deque()

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Wait for one of the pool's places."""
        async with self._places:
            yield

    async def reuse(self) -> Connection | None:
        """An idle connection that still answers, the latest used first; None when there is none."""
        while self._idle:
            connection = self._idle.pop()
            idle_for = time.monotonic() - connection.used_at
            if (
                connection.client.is_connected
                and idle_for < _TOO_OLD
                and await self._answers(connection.client, idle_for)
            ):
                connection.is_reused = True
                return connection
            connection.client.close()
        return None

    async def open(self) -> Connection:
        """A fresh connection, greeted, encrypted and signed in. Raises `Unusable`."""
        client = SMTP(
            hostname=self._server.host,
            port=self._server.port,
            local_hostname=self._server.local_name,
            timeout=COMMAND_TIMEOUT,
            start_tls=False,
            use_tls=self._server.port == 465,
            tls_context=self._context(),
        )
        try:
            await self._prepare(client)
        except Unusable:
            client.close()
            raise
        except BaseException as error:
            client.close()
            rejected = _why_unusable(error)
            if rejected is None:
                raise
            raise Unusable(rejected) from error
        return Connection(client, is_reused=False, used_at=time.monotonic())

    def give_back(self, connection: Connection) -> None:
        connection.used_at = time.monotonic()
        self._idle.append(connection)

    async def close(self) -> None:
        """Say QUIT to the idle connections."""
        while self._idle:
            client = self._idle.pop().client
            with suppress(aiosmtplib.SMTPException, OSError):
                await client.quit(timeout=CHECK_TIMEOUT)
            client.close()

    async def _prepare(self, client: SMTP) -> None:
        await client.connect(timeout=CONNECT_TIMEOUT)
        await client.ehlo()
        if not client.get_transport_info("sslcontext"):
            await self._encrypt(client)
        if self._server.username:
            await self._sign_in(client)

    async def _encrypt(self, client: SMTP) -> None:
        if not client.supports_extension("starttls"):
            if self._server.requires_tls:
                raise Unusable(_ours("tls_not_offered"))
            return
        try:
            await client.starttls()
            await client.ehlo()
        except aiosmtplib.SMTPResponseException as error:
            raise Unusable(_ours("tls_refused", f"{error.code} {error.message}")) from error

    async def _sign_in(self, client: SMTP) -> None:
        try:
            await client.login(self._server.username, self._server.password)
        except aiosmtplib.SMTPAuthenticationError as error:
            raise Unusable(_ours(f"auth_{error.code}", error.message)) from error
        except (aiosmtplib.SMTPServerDisconnected, aiosmtplib.SMTPTimeoutError):
            raise
        except aiosmtplib.SMTPException as error:
            raise Unusable(_ours("auth_not_offered", str(error.message))) from error

    async def _answers(self, client: SMTP, idle_for: float) -> bool:
        if idle_for < self._check_after:
            return True
        try:
            await client.noop(timeout=CHECK_TIMEOUT)
        except (aiosmtplib.SMTPException, OSError):
            return False
        return True

    def _context(self) -> ssl.SSLContext:
        if self._server.tls_context is not None:
            return self._server.tls_context
        context = ssl.create_default_context()
        if not self._server.requires_tls:
            # A relay on this machine often has a certificate of its own making; the line does not leave the machine.
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


def is_loopback(host: str) -> bool:
    """Whether `host` is this machine: the only place where mail may travel without encryption."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _ours(code: str, reply: str = "") -> Rejected:
    """A fault between us and the server: the message is as good as before, but no other one would pass either."""
    return Rejected(permanent=False, code=code, reply=reply[:200], stops_target=True)


def _why_unusable(error: BaseException) -> Rejected | None:
    """The refusal for a connection that did not come about; None for what is not about the connection."""
    match error:
        case ssl.SSLCertVerificationError():
            return _ours("tls_certificate", error.verify_message)
        case ssl.SSLError():
            return _ours("tls_failed", error.reason or "")
        case aiosmtplib.SMTPResponseException():
            return refused(error.code, str(error.message), before_recipient=True)
        case aiosmtplib.SMTPTimeoutError():
            return Rejected(permanent=False, code="connect_timeout")
        case aiosmtplib.SMTPException() | OSError():
            return Rejected(permanent=False, code="connect_failed")
        case _:
            return None
