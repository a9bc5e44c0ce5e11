"""One exchange with an insurer's gateway over HTTP: pinned, bounded, never redirected."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any

import httpx2

from telecontrol.errors import InvalidInput
from telecontrol.reports.contract import Problem
from telecontrol.reports.gateway_address import Address, checked_address, resolve

CONNECT_SECONDS = 10.0
TOTAL_SECONDS = 30.0
"""A gateway that needs longer answers 202 and acknowledges later (choice)."""
LARGEST_ANSWER = 64 * 1024
LONGEST_WAIT = timedelta(hours=1)
"""However long a gateway asks us to wait: the report has 48 hours."""
_NOT_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)


@dataclass(frozen=True, slots=True)
class Gateway:
    """An insurer's gateway as configured, its key opened."""

    url: str
    key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back. `body` is at most `LARGEST_ANSWER` bytes."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    def values(self) -> Any:
        """The body as JSON; None when it is not."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    def problem(self) -> Problem:
        """The refusal's code and pointers. Texts of the other side are not kept: nobody knows what stands in them."""
        try:
            return Problem.model_validate(self.values())
        except ValueError:
            return Problem()

    def retry_after(self) -> timedelta | None:
        """How long the gateway asks us to wait, in seconds or until a date told by its own clock."""
        wanted = self.headers.get("retry-after", "").strip()
        if wanted.isascii() and wanted.isdigit():
            return min(LONGEST_WAIT, timedelta(seconds=min(int(wanted), 10**6)))
        try:
            wait = parsedate_to_datetime(wanted) - parsedate_to_datetime(self.headers.get("date", ""))
        except (TypeError, ValueError):
            return None
        return min(LONGEST_WAIT, max(timedelta(0), wait))


@dataclass(frozen=True, slots=True)
class Unreached:
    """Nothing that matters was sent. `ours`: only a change of the configuration can mend it."""

    code: str
    ours: bool = False


@dataclass(frozen=True, slots=True)
class Broken:
    """The request may have arrived, the reply did not. `phase` names where it broke."""

    phase: str


@cache
def _usual_trust() -> ssl.SSLContext:
    """The public authorities: read once in a process."""
    return httpx2.create_ssl_context(trust_env=False)


def open_client(*, verify: ssl.SSLContext | bool = True) -> httpx2.AsyncClient:
    """The client of all gateways: no redirect, no proxy or certificate from the environment, no connection kept.

    A kept connection is found again by address alone, and two insurers may share one: each exchange has its own.
    """
    return httpx2.AsyncClient(
        verify=_usual_trust() if verify is True else verify,
        follow_redirects=False,
        trust_env=False,
        timeout=httpx2.Timeout(TOTAL_SECONDS, connect=CONNECT_SECONDS),
        limits=httpx2.Limits(max_connections=32, max_keepalive_connections=0),
        headers={
            "user-agent": "telecontrol",
            "accept": "application/json, application/problem+json",
            "accept-encoding": "identity",
        },
    )


async def exchange(
    client: httpx2.AsyncClient,
    gateway: Gateway,
    *,
    method: str,
    path: str,
    allow_loopback: bool,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    seconds: float = TOTAL_SECONDS,
) -> Reply | Unreached | Broken:
    """Ask the gateway once, at one of the addresses that its name has and that are allowed. Never raises for the other side."""
    try:
        address = checked_address(gateway.url, allow_loopback=allow_loopback)
        targets = await asyncio.wait_for(resolve(address, allow_loopback=allow_loopback), CONNECT_SECONDS)
    except InvalidInput as error:
        return Unreached(error.code, ours=True)
    except (OSError, UnicodeError, TimeoutError):
        return Unreached("name_not_found")
    outcome: Reply | Unreached | Broken = Unreached("name_not_found")
    for target in targets:
        request = _request(client, gateway, address, target, method=method, path=path, body=body, headers=headers)
        outcome = await _try(client, request, seconds=seconds)
        if not isinstance(outcome, Unreached):
            break
    return outcome


def _request(
    client: httpx2.AsyncClient,
    gateway: Gateway,
    address: Address,
    target: str,
    *,
    method: str,
    path: str,
    body: bytes | None,
    headers: Mapping[str, str] | None,
) -> httpx2.Request:
    host = f"[{target}]" if ":" in target else target
    given = {"host": address.authority, "authorization": f"Bearer {gateway.key}", **(headers or {})}
    url = f"{address.scheme}://{host}:{address.port}{address.path}{path}"
    # The certificate is checked against the configured name, though the connection goes to the judged address.
    extensions: dict[str, Any] = {"sni_hostname": address.host} if address.scheme == "https" else {}
    return client.build_request(method, url, content=body, headers=given, extensions=extensions)


async def _try(client: httpx2.AsyncClient, request: httpx2.Request, *, seconds: float) -> Reply | Unreached | Broken:
    try:
        async with asyncio.timeout(seconds):
            response = await client.send(request, stream=True)
            try:
                return Reply(response.status_code, response.headers, await _bounded(response))
            finally:
                await response.aclose()
    except _NOT_SENT as error:
        return Unreached("certificate", ours=True) if _is_certificate(error) else Unreached("connect")
    except TimeoutError:
        return Broken("timeout")
    except httpx2.TimeoutException:
        return Broken("timeout")
    except (httpx2.HTTPError, httpx2.StreamError, OSError):
        return Broken("reply_lost")


async def _bounded(response: httpx2.Response) -> bytes:
    """The bytes as they came: nothing is unpacked, so that little cannot become much."""
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > LARGEST_ANSWER:
            break
    return bytes(body[:LARGEST_ANSWER])


def _is_certificate(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLError):
            return True
        error = error.__cause__ or error.__context__
    return False
