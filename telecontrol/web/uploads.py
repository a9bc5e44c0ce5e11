"""Forms that bring a file: how much is taken in at all, decided before anything reads the form."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.types import Message, Receive

from telecontrol.errors import InvalidInput
from telecontrol.web.security import SAFE_METHODS

ROOM = 64 * 1024
"""Bytes that a form takes besides its file."""
_DRAINED = 20
"""How many times the limit is read and thrown away, so that a browser that is still sending hears the answer."""


class TooLarge(InvalidInput):
    """More was sent than is taken."""

    code = "file_too_large"


def bounded_route(largest: int, refuse: Callable[[Request], Response]) -> type[APIRoute]:
    """A route class for forms with a file of `largest` bytes at most; `refuse` answers to more.

    What is said of the length and what really comes are both judged, so that nothing past the limit is kept anywhere.
    """

    class BoundedRoute(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Awaitable[Response]]:  # type: ignore[override]
            handler = super().get_route_handler()

            async def bounded(request: Request) -> Response:
                if request.method in SAFE_METHODS:
                    return await handler(request)
                meter = _Meter(request.receive, largest + ROOM)
                said = request.headers.get("content-length", "")
                measured = Request(request.scope, meter.receive)
                try:
                    if said.isdigit() and int(said) > meter.most:
                        raise TooLarge("more than is taken")
                    return await handler(measured)
                except TooLarge:
                    await meter.drain()
                    return refuse(request)
                finally:
                    # The files of the form, whoever read it and whatever came of it.
                    await measured.close()

            return bounded

    return BoundedRoute


class _Meter:
    """Counts what a request brings."""

    def __init__(self, receive: Receive, most: int) -> None:
        self._receive, self.most = receive, most
        self._count, self._is_over = 0, False

    async def receive(self) -> Message:
        message = await self._take()
        if self._count > self.most:
            raise TooLarge("more than is taken")
        return message

    async def drain(self) -> None:
        while not self._is_over and self._count < _DRAINED * self.most:
            await self._take()

    async def _take(self) -> Message:
        message: dict[str, Any] = dict(await self._receive())
        self._count += len(message.get("body", b""))
        self._is_over = not message.get("more_body", False)
        return message
