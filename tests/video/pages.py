"""Pages that talk to the state machine directly, for tests without sockets."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from telecontrol.video.call_effects import Effect, Moment, Note, Send, Start
from telecontrol.video.call_messages import Join, Media
from telecontrol.video.call_state import Call
from telecontrol.video.models import EventKind, Role

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
BOTH = Media(audio=True, video=True)


class Stage:
    """A call with a time that only moves when told, and what came of each act."""

    def __init__(self, **options: Any) -> None:
        self.call = Call(**options)
        self.seconds = 0.0
        self.effects: list[Effect] = []
        self._sockets = count(1)

    @property
    def now(self) -> Moment:
        return Moment(START + timedelta(seconds=self.seconds), 1000.0 + self.seconds)

    def do(self, effects: list[Effect]) -> list[Effect]:
        self.effects += effects
        return effects

    def join(
        self, role: Role, page: str = "", *, epoch: int = 0, live: bool = False, ready: bool = True
    ) -> tuple[int, list[Effect]]:
        socket = next(self._sockets)
        message = Join(
            type="join",
            ticket="x" * 20,
            page=page or f"page-of-{role}",
            epoch=epoch,
            live=live,
            ready=ready,
            media=BOTH,
        )
        return socket, self.do(self.call.join(role, socket, message, now=self.now))

    def wait(self, seconds: float) -> list[Effect]:
        self.seconds += seconds
        return self.do(self.call.tick(self.now))


def starts(effects: list[Effect]) -> list[Start]:
    return [effect for effect in effects if isinstance(effect, Start)]


def sent(effects: list[Effect], kind: str) -> list[Send]:
    return [effect for effect in effects if isinstance(effect, Send) and effect.message["type"] == kind]


def noted(effects: list[Effect]) -> list[tuple[Role, EventKind]]:
    return [(effect.role, effect.event) for effect in effects if isinstance(effect, Note)]
