"""The Twilio SDK over the service's one shared HTTP client."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

import httpx2
from twilio.http import AsyncHttpClient  # type: ignore[import-untyped]
from twilio.http.response import Response  # type: ignore[import-untyped]

_SILENT = logging.getLogger("telecontrol.twilio")


class TooManyRequests(Exception):
    """429: Twilio did not process the request; the SDK would lose how long it asks us to wait."""

    def __init__(self, retry_after: timedelta | None) -> None:
        super().__init__("429")
        self.retry_after = retry_after


class SharedHttpClient(AsyncHttpClient):  # type: ignore[misc]
    """Hands the SDK's requests to an `httpx2.AsyncClient` that somebody else opens and closes. Logs nothing: bodies hold links."""

    def __init__(self, client: httpx2.AsyncClient, *, timeout: float) -> None:
        super().__init__(_SILENT, True, timeout)
        self._client = client

    async def request(
        self,
        method: str,
        uri: str,
        params: dict[str, object] | None = None,
        data: dict[str, object] | None = None,
        headers: dict[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,  # noqa: ASYNC109  (the interface is the SDK's)
        allow_redirects: bool = False,
    ) -> Response:
        answer = await self._client.request(
            method,
            uri,
            params=_values(params),
            data=_values(data),
            headers=headers,
            auth=auth,
            timeout=timeout or self.timeout,
            follow_redirects=allow_redirects,
        )
        if answer.status_code == 429:
            raise TooManyRequests(_seconds(answer.headers.get("Retry-After", "")))
        return Response(answer.status_code, answer.text, answer.headers)


def _values(given: dict[str, object] | None) -> dict[str, Any] | None:
    """Form values as Twilio reads them: text, and nothing for what is not given."""
    return {name: value for name, value in given.items() if value is not None} if given else None


def _seconds(value: str) -> timedelta | None:
    return timedelta(seconds=int(value)) if value.isdigit() else None
