"""The SMS channel: Twilio's Messages API, told honestly.

Twilio takes no idempotency key: a lost answer is an ambiguity, settled by the status callback (our intent id is in its
address) or by looking the message up.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

import httpx2

from telecontrol.clock import Clock
from telecontrol.config import Settings
from telecontrol.errors import InvalidInput
from telecontrol.notify.messages import SMS, prepare_sms
from telecontrol.notify.phones import mobile_number
from telecontrol.notify.replies import clean_reply
from telecontrol.notify.sms_text import to_gsm7
from telecontrol.notify.twilio_codes import verdict_of
from telecontrol.outbox.targets import NOT_OURS, Accepted, Ambiguous, Evidence, Outcome, Outgoing, Rejected

if TYPE_CHECKING:
    from twilio.rest import Client  # type: ignore[import-untyped]

TIMEOUT = 30.0
"""Seconds for an answer of Twilio; past it the outcome is ambiguous."""
LONGEST_VALIDITY = timedelta(seconds=36_000)
SHORTEST_VALIDITY = timedelta(seconds=5)
_LOOK_UP_LIMIT = 50
_CLOCKS_APART = timedelta(minutes=2)
_SETTLED_AFTER = timedelta(minutes=1)


class TwilioTarget:
    """Sends SMS through Twilio over the shared HTTP client, which it does not close unless it made it itself."""

    name = SMS
    takes_idempotency_key = False

    def __init__(
        self, settings: Settings, *, clock: Clock, http: httpx2.AsyncClient | None = None, timeout: float = TIMEOUT
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._owns_http = http is None
        self._timeout = timeout
        self._http = http or httpx2.AsyncClient(timeout=timeout)

    @cached_property
    def _client(self) -> Client:
        # The SDK costs half a second and 40 MiB: only a process that sends SMS pays for it.
        from twilio.rest import Client

        from telecontrol.notify.twilio_http import SharedHttpClient

        token = self._settings.twilio_auth_token.get_secret_value()
        client = Client(
            self._settings.twilio_account_sid,
            token,
            http_client=SharedHttpClient(self._http, timeout=self._timeout),
            environment={"TWILIO_READS": "nothing from the environment"},
        )
        client.api.base_url = self._settings.twilio_api_url.rstrip("/")
        return client

    def prepare(self, outgoing: Outgoing) -> bytes:
        return prepare_sms(outgoing)

    async def deliver(self, outgoing: Outgoing) -> Outcome:
        left = outgoing.not_after - self._clock.now()
        if left < SHORTEST_VALIDITY:
            return Rejected(permanent=True, code="too_late")
        try:
            number = mobile_number(outgoing.recipient)
        except InvalidInput as error:
            return Rejected(permanent=True, code=error.code)
        client = await asyncio.to_thread(lambda: self._client)
        if not await outgoing.still_ours():
            return Rejected(permanent=False, code=NOT_OURS)
        return await self._create(client, outgoing, number, validity=min(left, LONGEST_VALIDITY))

    async def _create(self, client: Client, outgoing: Outgoing, number: str, *, validity: timedelta) -> Outcome:
        from twilio.base.exceptions import (  # type: ignore[import-untyped]
            TwilioException,
            TwilioRestException,
            TwilioServiceException,
        )

        from telecontrol.notify.twilio_http import TooManyRequests

        try:
            message = await client.messages.create_async(
                to=number,
                body=outgoing.content.decode(),
                messaging_service_sid=self._settings.twilio_messaging_service_sid,
                status_callback=callback_url(self._settings, outgoing),
                validity_period=int(validity.total_seconds()),
            )
        except TooManyRequests as busy:
            return Rejected(permanent=False, code="429", retry_after=busy.retry_after)
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.UnsupportedProtocol) as error:
            return Rejected(permanent=False, code="connect_failed", reply=type(error).__name__)
        except httpx2.HTTPError as error:
            return Ambiguous("reply_lost", type(error).__name__)
        except (TwilioRestException, TwilioServiceException) as error:
            return _refused(error)
        except (TwilioException, ValueError, KeyError) as error:
            return Ambiguous("reply_unreadable", type(error).__name__)
        if not message.sid:
            return Ambiguous("reply_unreadable", "no id")
        return Accepted(message.sid, str(message.status or ""))

    async def look_up(self, outgoing: Outgoing) -> Evidence:
        """Whether Twilio holds this text for this number. Its list is asked without dates: what still waits has none."""
        from twilio.base.exceptions import TwilioException

        from telecontrol.notify.twilio_http import TooManyRequests

        try:
            number = mobile_number(outgoing.recipient)
            client = await asyncio.to_thread(lambda: self._client)
            held = await client.messages.list_async(to=number, limit=_LOOK_UP_LIMIT)
        except (InvalidInput, httpx2.HTTPError, TwilioException, TooManyRequests, ValueError, KeyError) as error:
            return Evidence(taken=None, detail=type(error).__name__)
        wanted = _comparable(outgoing.content.decode())
        for message in held:
            if _comparable(message.body or "").endswith(wanted) and _is_since(message, outgoing):
                return Evidence(taken=True, provider_id=message.sid or "", detail=str(message.status or ""))
        if self._is_too_early(outgoing):
            return Evidence(taken=None, detail="too early to say no")
        return Evidence(taken=False, detail=f"{len(held)} listed")

    def _is_too_early(self, outgoing: Outgoing) -> bool:
        """Whether the request may still be in Twilio's hands: an absence proves something only a while later."""
        return outgoing.attempted_at is not None and self._clock.now() - outgoing.attempted_at < _SETTLED_AFTER

    async def close(self) -> None:
        if self._owns_http:
            await self._http.aclose()


def callback_url(settings: Settings, outgoing: Outgoing) -> str:
    """Where Twilio tells what became of a message: our intent id stands in the path, so that a lost answer is settled."""
    return f"{settings.public_url.rstrip('/')}/hooks/twilio/status/{outgoing.intent_id}"


def _refused(error: Any) -> Outcome:
    """The outcome of an answer that is not a success. 5xx and 408 leave it open whether the message was taken."""
    status, code = int(error.status), int(error.code or 0)
    reply = clean_reply(str(getattr(error, "msg", "") or getattr(error, "title", "")))
    if status >= 500 or status == 408 or status < 400:
        return Ambiguous(f"http_{status}", reply)
    verdict = verdict_of(code, status=status)
    return Rejected(
        permanent=verdict.permanent,
        code=str(code or status),
        reply=reply,
        retry_after=verdict.retry_after,
        stops_target=verdict.stops_target,
    )


def _comparable(text: str) -> str:
    """A body without what Twilio may change in it: odd characters, spaces at the ends."""
    return " ".join(to_gsm7(text).split())


def _is_since(message: Any, outgoing: Outgoing) -> bool:
    """Whether a listed message may come from this attempt: an older one with the same words is another message."""
    created = message.date_created
    if outgoing.attempted_at is None or created is None:
        return True
    return bool(created >= outgoing.attempted_at - _CLOCKS_APART)
