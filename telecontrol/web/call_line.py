"""A page's socket as the call sees it: what is sent waits in a bounded queue, so that a slow page holds nobody up."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

_MOST_QUEUED = 512


class SocketLine:
    """Implements `telecontrol.video.switchboard.Line`. `run` writes until the line is closed from either side."""

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket
        self._queue: asyncio.Queue[str | None] = asyncio.Queue()
        self._is_closing = False
        self.close_code = 1000

    def send(self, message: Mapping[str, Any]) -> None:
        if self._is_closing:
            return
        if self._queue.qsize() >= _MOST_QUEUED:
            self.close(1013)
            return
        self._queue.put_nowait(json.dumps(message, separators=(",", ":")))

    def close(self, code: int = 1000) -> None:
        if not self._is_closing:
            self._is_closing = True
            self.close_code = code
            self._queue.put_nowait(None)

    async def run(self) -> None:
        """Write what is queued, in order; close the socket at the end of it."""
        try:
            while (text := await self._queue.get()) is not None:
                await self._socket.send_text(text)
            if self._socket.application_state is WebSocketState.CONNECTED:
                await self._socket.close(self.close_code)
        except (WebSocketDisconnect, RuntimeError):
            # The page went first: Starlette says so in one way or the other.
            self._is_closing = True
