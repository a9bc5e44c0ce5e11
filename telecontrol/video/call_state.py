"""The built-in call as a pure state machine: no socket, no clock, no database.

The server orders who offers (the doctor) and numbers the attempts: `epoch` is on every description and candidate, others
are dropped. Both sides told to start by themselves lose the picture more often than not; ordered, they do not.

Each method takes what happened and returns what must be done about it. The insured may only wait until the doctor has
admitted them: before that nothing of theirs is relayed and no negotiation is started.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from telecontrol.video.call_effects import Drop, Effect, Moment, Note, Send, Start, WaitingChanged
from telecontrol.video.call_messages import Candidate, Chat, Description, Join, Media, ProblemCode
from telecontrol.video.company import MOST_LISTED, Companion, CompanionState, told
from telecontrol.video.models import EventKind, EventSource, Role
from telecontrol.video.provider import Presence, SeatState

GRACE_SECONDS = 45.0
"""How long a seat is kept after its socket dropped: a locked phone, a lift, a reload."""
PICTURE_GRACE_SECONDS = 600.0
"""How long it is kept while the other side still decodes its picture: the call goes on, only our socket is cut."""
RELAY_ONLY_FROM = 2
"""The first two tries may go any way, the third by the relay alone."""
LAST_ATTEMPT = 2
"""When the third try fails too, both are shown the telephone number."""


@dataclass(slots=True)
class Seat:
    """A role's place. With a socket it is taken; with `lost` it is kept for a while; with neither it is free."""

    socket: int | None = None
    lost: Moment | None = None
    page: str = ""
    epoch: int = 0
    is_live: bool = False
    is_ready: bool = False
    is_hidden: bool = False
    has_joined: bool = False
    media: Media = field(default_factory=Media)
    problems: set[ProblemCode] = field(default_factory=set)
    since: datetime | None = None

    @property
    def is_free(self) -> bool:
        return self.socket is None and self.lost is None


class Call:
    """One room."""

    def __init__(self, *, is_admitted: bool = False, has_relay: bool = False, grace: float = GRACE_SECONDS) -> None:
        self.seats = {role: Seat() for role in Role}
        self.epoch = 0
        self.attempt = 0
        self.is_admitted = is_admitted
        self.has_failed = False
        self.company: dict[str, Companion] = {}
        self._has_relay = has_relay
        self._grace = grace

    # Coming and going.

    def join(self, role: Role, socket: int, join: Join, *, now: Moment, since: datetime | None = None) -> list[Effect]:
        """A page takes its role's seat. The newest wins; another page that had it is told so that it can resume.

        `since` is when they arrived, where the record knows better than this process (it may have been restarted).
        """
        seat = self.seats[role]
        is_same_page = seat.page == join.page
        effects = self._unseat(seat, is_same_page=is_same_page)
        was_gone = seat.lost is not None or seat.is_hidden
        seat.socket, seat.lost, seat.page = socket, None, join.page
        was_live = seat.is_live and seat.epoch == join.epoch
        seat.is_live, seat.epoch = join.live and join.epoch > 0, join.epoch
        seat.is_ready, seat.is_hidden, seat.media = join.ready, False, join.media
        seat.since = since or seat.since or now.at
        # After a restart of the server the pages know the number of the attempt they are in.
        self.epoch = max(self.epoch, join.epoch)
        if not is_same_page:
            self.attempt, self.has_failed = 0, False
        effects.append(Send(socket, self._welcome(role)))
        if role is Role.DOCTOR and self.company:
            effects += self._tell_company()
        effects += self._note_arrival(role, was_gone=was_gone, now=now)
        if seat.is_live and not was_live and self.is_admitted:
            # Said to a process that died before it was written down.
            effects.append(Note(role, EventKind.MEDIA_FLOWING, now.at, EventSource.CLIENT))
        effects += self._tell_peer(role)
        return effects + self._settle(joined=role)

    def lost(self, socket: int, *, now: Moment) -> list[Effect]:
        """A socket dropped: the seat is kept for the grace."""
        role = self.role_of(socket)
        if role is None:
            return []
        seat = self.seats[role]
        seat.socket, seat.lost = None, now
        effects: list[Effect] = []
        if seat.has_joined and not seat.is_hidden:
            effects.append(Note(role, EventKind.AWAY, now.at, detail={"reason": "socket"}))
        return [*effects, *self._tell_peer(role)]

    def bye(self, socket: int, *, for_good: bool, now: Moment) -> list[Effect]:
        """The page goes. A reload says goodbye too: only somebody who pressed *leave* gives up the seat at once."""
        role = self.role_of(socket)
        if role is None:
            return []
        for seat in self.seats.values():
            seat.is_live = False
        if not for_good:
            return [*self.lost(socket, now=now), Drop(socket)]
        return [*self._release(role, at=now.at, reason="hung_up"), Send(socket, _ended("left")), Drop(socket)]

    def tick(self, now: Moment) -> list[Effect]:
        """Free the seats whose grace is over. They were left when the socket dropped."""
        effects: list[Effect] = []
        for role in Role:
            lost = self.seats[role].lost
            if lost is not None and now.tick >= self._kept_until(role, lost):
                effects += self._release(role, at=lost.at, reason="grace_over")
        return effects

    def next_tick(self) -> float | None:
        """The real second at which `tick` has something to do."""
        return min((self._kept_until(role, seat.lost) for role, seat in self.seats.items() if seat.lost), default=None)

    def finish(self, *, reason: str, now: Moment) -> list[Effect]:
        """End it for both."""
        effects: list[Effect] = []
        sockets = [seat.socket for seat in self.seats.values() if seat.socket is not None]
        for role, seat in self.seats.items():
            if not seat.is_free:
                effects += [
                    effect for effect in self._release(role, at=now.at, reason=reason) if isinstance(effect, Note)
                ]
        for socket in sockets:
            effects += [Send(socket, _ended(reason)), Drop(socket)]
        return [*effects, WaitingChanged()]

    # Admission.

    def admit(self, now: Moment) -> list[Effect]:
        """The doctor lets the insured in. The caller has written it down first."""
        if self.is_admitted:
            return []
        self.is_admitted = True
        seat = self.seats[Role.INSURED]
        effects: list[Effect] = []
        if seat.socket is not None:
            effects.append(Send(seat.socket, {"type": "admitted"}))
            effects += self._note_arrival(Role.INSURED, was_gone=False, now=now)
        doctor = self.seats[Role.DOCTOR].socket
        if doctor is not None:
            effects.append(Send(doctor, {"type": "admitted"}))
        return [*effects, *self._tell_peer(Role.INSURED), *self._settle()]

    def later(self, minutes: int) -> list[Effect]:
        """The doctor asks the insured to wait. The caller has written it down first."""
        socket = self.seats[Role.INSURED].socket
        if self.is_admitted or socket is None:
            return []
        return [Send(socket, {"type": "waiting", "delay_minutes": minutes})]

    # Companions and interpreters: no seat, and in the call only while the insured is.

    def accompany(self, companion: str, *, name: str, socket: int) -> list[Effect]:
        """Somebody's page has come, or come back: what the doctor said of them still holds."""
        known = self.company.get(companion)
        if known is None and len(self.company) >= MOST_LISTED:
            return []
        state = CompanionState.WAITING if known is None else known.state
        self.company[companion] = Companion(name, socket, state)
        return self._tell_company()

    def part(self, companion: str, *, socket: int) -> list[Effect]:
        """Their page is gone."""
        known = self.company.get(companion)
        if known is None or known.socket != socket:
            return []
        known.socket = 0
        return self._tell_company()

    def let_in(self, companion: str, *, is_in: bool) -> list[Effect]:
        """The doctor lets somebody in who comes with the insured, or puts them out."""
        known = self.company.get(companion)
        if known is None:
            return []
        known.state = CompanionState.IN if is_in else CompanionState.OUT
        return self._tell_company()

    def has_let_in(self, companion: str) -> bool:
        known = self.company.get(companion)
        return self.is_admitted and known is not None and known.state is CompanionState.IN

    # Negotiation.

    def ready(self, socket: int, media: Media) -> list[Effect]:
        """Camera and microphone are settled."""
        role = self.role_of(socket)
        if role is None:
            return []
        seat = self.seats[role]
        if seat.is_ready:
            return self.media(socket, media)
        seat.is_ready, seat.media = True, media
        return [*self._tell_peer(role), *self._settle()]

    def media(self, socket: int, media: Media) -> list[Effect]:
        """What a page sends has changed; the other is told."""
        role = self.role_of(socket)
        if role is None or self.seats[role].media == media:
            return []
        self.seats[role].media = media
        return self._tell_peer(role)

    def live(self, socket: int, epoch: int, *, now: Moment) -> list[Effect]:
        """A page decodes the other's picture or sound."""
        role = self.role_of(socket)
        if role is None or epoch != self.epoch or self.seats[role].is_live or not self.is_admitted:
            return []
        seat = self.seats[role]
        seat.is_live, seat.epoch = True, epoch
        if self._both_live():
            self.attempt = 0
        return [Note(role, EventKind.MEDIA_FLOWING, now.at, EventSource.CLIENT)]

    def stuck(self, socket: int, epoch: int, *, now: Moment) -> list[Effect]:
        """A page sees nothing. Both sides may say so of one attempt: the second is late, its epoch is past."""
        role = self.role_of(socket)
        if role is None or epoch != self.epoch:
            return []
        self.seats[role].is_live = False
        # A hidden telephone sends no picture and could not answer: it begins anew when it is looked at again.
        if not self._may_talk() or self.has_failed or any(seat.is_hidden for seat in self.seats.values()):
            return []
        if self.attempt >= LAST_ATTEMPT:
            return self._give_up(now)
        self.attempt += 1
        return self._start()

    def restart(self, socket: int) -> list[Effect]:
        """Somebody asks for another try, from the beginning."""
        if self.role_of(socket) is None or not self._may_talk():
            return []
        self.attempt, self.has_failed = 0, False
        return self._start()

    def relay(self, socket: int, message: Description | Candidate) -> list[Effect]:
        """Pass a description or a candidate on, if it belongs to this attempt and comes from the right side."""
        role = self.role_of(socket)
        if role is None or message.epoch != self.epoch or not self._may_talk() or self.has_failed:
            return []
        if isinstance(message, Description) and (message.description.type == "offer") is not (role is Role.DOCTOR):
            return []
        peer = self.seats[role.other].socket
        return [] if peer is None else [Send(peer, message.model_dump(exclude_none=True))]

    def chat(self, socket: int, message: Chat) -> list[Effect]:
        """Pass a written line on to whoever is there now. It is kept nowhere: what cannot be passed on goes back at once."""
        role = self.role_of(socket)
        if role is None:
            return []
        peer = self.seats[role.other].socket
        if peer is None or not self.is_admitted:
            return [Send(socket, {"type": "refused", "reason": "chat_undelivered", "text": message.text})]
        return [Send(peer, {"type": "chat", "text": message.text})]

    # What a page says of itself.

    def away(self, socket: int, *, is_hidden: bool, now: Moment) -> list[Effect]:
        """The page is hidden (another app, a locked phone), or shown again."""
        role = self.role_of(socket)
        if role is None or self.seats[role].is_hidden is is_hidden:
            return []
        self.seats[role].is_hidden = is_hidden
        event = EventKind.AWAY if is_hidden else EventKind.RETURNED
        effects: list[Effect] = []
        if self.seats[role].has_joined:
            effects.append(Note(role, event, now.at, EventSource.CLIENT, {"reason": "hidden"}))
        effects += self._tell_peer(role)
        return effects if is_hidden else effects + self._settle()

    def problem(self, socket: int, code: ProblemCode, *, now: Moment) -> list[Effect]:
        """Something failed on a page: recorded (each code once in a stay), and told to the other side."""
        role = self.role_of(socket)
        if role is None:
            return []
        effects: list[Effect] = []
        if code not in self.seats[role].problems:
            self.seats[role].problems.add(code)
            detail = {"code": str(code)}
            effects.append(Note(role, EventKind.TECHNICAL_PROBLEM, now.at, EventSource.CLIENT, detail))
        peer = self.seats[role.other].socket
        if peer is not None:
            effects.append(Send(peer, {"type": "peer_problem", "code": str(code)}))
        return effects

    # Reading.

    def role_of(self, socket: int) -> Role | None:
        """Whose seat this socket has; a socket that lost its seat has no say any more."""
        return next((role for role, seat in self.seats.items() if seat.socket == socket), None)

    def presence(self, role: Role) -> Presence:
        """How this side looks from the other."""
        seat = self.seats[role]
        if seat.is_free:
            return Presence(SeatState.ABSENT, None)
        if seat.socket is None or seat.is_hidden:
            return Presence(SeatState.AWAY, seat.since)
        if role is Role.INSURED and not self.is_admitted:
            return Presence(SeatState.WAITING, seat.since)
        return Presence(SeatState.HERE, seat.since)

    @property
    def is_empty(self) -> bool:
        return all(seat.is_free for seat in self.seats.values())

    # Inside.

    def _kept_until(self, role: Role, lost: Moment) -> float:
        other = self.seats[role.other]
        is_seen = other.is_live and other.epoch == self.epoch
        return lost.tick + (max(self._grace, PICTURE_GRACE_SECONDS) if is_seen else self._grace)

    def _unseat(self, seat: Seat, *, is_same_page: bool) -> list[Effect]:
        if seat.socket is None:
            return []
        told: list[Effect] = [] if is_same_page else [Send(seat.socket, {"type": "takeover"})]
        return [*told, Drop(seat.socket)]

    def _note_arrival(self, role: Role, *, was_gone: bool, now: Moment) -> list[Effect]:
        seat = self.seats[role]
        if role is Role.INSURED and not self.is_admitted:
            return []
        if seat.has_joined:
            return [Note(role, EventKind.RETURNED, now.at)] if was_gone else []
        seat.has_joined = True
        return [Note(role, EventKind.JOINED, now.at)]

    def _release(self, role: Role, *, at: datetime, reason: str) -> list[Effect]:
        """Free a seat. Whoever is admitted loses that with the seat: coming back, they wait again."""
        self.seats[role] = Seat()
        if role is Role.INSURED:
            self.is_admitted = False
            for each in self.company.values():
                each.state = CompanionState.OUT if each.state is CompanionState.OUT else CompanionState.WAITING
        note = Note(role, EventKind.LEFT, at, detail={"reason": reason})
        return [note, *self._tell_peer(role, has_left=reason == "hung_up", left_at=at)]

    def _tell_peer(self, role: Role, *, has_left: bool = False, left_at: datetime | None = None) -> list[Effect]:
        peer = self.seats[role.other].socket
        changed: list[Effect] = [WaitingChanged()] if role is Role.INSURED else []
        if peer is None:
            return changed
        # Of somebody who is gone `since` is since when, so that they are not said to be still expected.
        since = {"since": left_at.isoformat()} if left_at else {}
        return [Send(peer, {"type": "peer", "has_left": has_left, **self._seen(role), **since}), *changed]

    def _tell_company(self) -> list[Effect]:
        doctor = self.seats[Role.DOCTOR].socket
        return [] if doctor is None else [Send(doctor, told(self.company))]

    def _seen(self, role: Role) -> dict[str, Any]:
        presence = self.presence(role)
        return {
            "state": str(presence.state),
            "since": presence.since.isoformat() if presence.since else None,
            "media": self.seats[role].media.model_dump(),
            "is_ready": self.seats[role].is_ready,
        }

    def _welcome(self, role: Role) -> dict[str, Any]:
        is_admitted = role is Role.DOCTOR or self.is_admitted
        return {"type": "welcome", "role": str(role), "is_admitted": is_admitted, "peer": self._seen(role.other)}

    def _may_talk(self) -> bool:
        return self.is_admitted and all(seat.socket is not None and seat.is_ready for seat in self.seats.values())

    def _both_live(self) -> bool:
        return all(seat.is_live and seat.epoch == self.epoch for seat in self.seats.values())

    def _settle(self, joined: Role | None = None) -> list[Effect]:
        """Both are there: go on with the picture they have, or start a new attempt."""
        if not self._may_talk():
            return []
        if self._both_live():
            socket = self.seats[joined].socket if joined else None
            return [] if socket is None else [Send(socket, {"type": "resume", "epoch": self.epoch})]
        return [] if self.has_failed else self._start()

    def _start(self) -> list[Effect]:
        self.epoch += 1
        effects: list[Effect] = []
        for role, seat in self.seats.items():
            seat.is_live, seat.epoch = False, self.epoch
            if seat.socket is not None:
                effects.append(
                    Start(
                        socket=seat.socket,
                        role=role,
                        epoch=self.epoch,
                        attempt=self.attempt,
                        is_offerer=role is Role.DOCTOR,
                        is_relay_only=self._has_relay and self.attempt >= RELAY_ONLY_FROM,
                        peer_media=self.seats[role.other].media,
                    )
                )
        return effects

    def _give_up(self, now: Moment) -> list[Effect]:
        self.has_failed = True
        effects: list[Effect] = []
        for role, seat in self.seats.items():
            detail = {"code": str(ProblemCode.NO_MEDIA)}
            effects.append(Note(role, EventKind.TECHNICAL_PROBLEM, now.at, EventSource.SERVER, detail))
            if seat.socket is not None:
                effects.append(Send(seat.socket, {"type": "failed", "reason": str(ProblemCode.NO_MEDIA)}))
        return effects


def _ended(reason: str) -> dict[str, Any]:
    return {"type": "ended", "reason": reason}
