"""Whatever two people and their networks do, in whatever order, these hold."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from telecontrol.video.call_effects import Drop, Effect, Note, Send, Start
from telecontrol.video.call_messages import Candidate, Chat, Description, IceCandidate, SessionDescription
from telecontrol.video.models import EventKind, Role
from tests.video.pages import BOTH, Stage

ROLES = st.sampled_from(list(Role))
EPOCHS = st.integers(0, 6)


class AnyCall(RuleBasedStateMachine):
    sockets = Bundle("sockets")

    def __init__(self) -> None:
        super().__init__()
        self.stage = Stage(has_relay=True)
        self.open: dict[int, Role] = {}
        self.last_epoch: dict[int, int] = {}
        self.highest = 0
        self.inside: set[Role] = set()

    def see(self, effects: list[Effect]) -> None:
        """Check what was asked to be done, and remember it as the sockets would."""
        started = [effect for effect in effects if isinstance(effect, Start)]
        if started:
            assert self.stage.call.is_admitted, "negotiation before admission"
            assert {start.role for start in started} == set(Role), "a one-sided start"
            assert len({start.epoch for start in started}) == 1
            assert [start.role for start in started if start.is_offerer] == [Role.DOCTOR]
            assert started[0].epoch > self.highest, "attempts are numbered upwards"
            self.highest = started[0].epoch
        for effect in effects:
            match effect:
                case Send(socket, message):
                    assert socket in self.open, "said to a socket that is gone"
                    if message["type"] == "chat":
                        assert self.stage.call.is_admitted, "written to somebody who is not in yet"
                    if message["type"] in ("description", "candidate"):
                        assert self.stage.call.is_admitted
                        assert message["epoch"] == self.highest
                case Drop(socket):
                    self.open.pop(socket, None)
                case Note(role, EventKind.JOINED):
                    assert role not in self.inside, "joined twice without leaving"
                    self.inside.add(role)
                case Note(role, EventKind.LEFT):
                    self.inside.discard(role)
                case _:
                    pass

    @rule(
        target=sockets,
        role=ROLES,
        page=st.sampled_from(["page-one", "page-two"]),
        live=st.booleans(),
        ready=st.booleans(),
    )
    def join(self, role: Role, page: str, live: bool, ready: bool) -> int:
        # An honest page claims the attempt it is in.
        epoch = self.stage.call.epoch
        before = len(self.stage.effects)
        number = len(self.last_epoch) + 1
        self.open[number] = role
        self.last_epoch[number] = epoch
        socket, _ = self.stage.join(role, page, epoch=epoch, live=live and epoch > 0, ready=ready)
        assert socket == number
        self.see(self.stage.effects[before:])
        return socket

    @rule(socket=sockets)
    def drop(self, socket: int) -> None:
        self.open.pop(socket, None)
        self.see(self.stage.do(self.stage.call.lost(socket, now=self.stage.now)))

    @rule(socket=sockets, for_good=st.booleans())
    def bye(self, socket: int, for_good: bool) -> None:
        self.see(self.stage.do(self.stage.call.bye(socket, for_good=for_good, now=self.stage.now)))

    @rule(socket=sockets)
    def ready(self, socket: int) -> None:
        self.see(self.stage.do(self.stage.call.ready(socket, BOTH)))

    @rule()
    def admit(self) -> None:
        self.see(self.stage.do(self.stage.call.admit(self.stage.now)))

    @rule(socket=sockets, epoch=EPOCHS)
    def live(self, socket: int, epoch: int) -> None:
        self.see(self.stage.do(self.stage.call.live(socket, epoch, now=self.stage.now)))

    @rule(socket=sockets, epoch=EPOCHS)
    def stuck(self, socket: int, epoch: int) -> None:
        self.see(self.stage.do(self.stage.call.stuck(socket, epoch, now=self.stage.now)))

    @rule(socket=sockets)
    def restart(self, socket: int) -> None:
        self.see(self.stage.do(self.stage.call.restart(socket)))

    @rule(socket=sockets, epoch=EPOCHS, kind=st.sampled_from(["offer", "answer"]))
    def describe(self, socket: int, epoch: int, kind: str) -> None:
        message = Description(
            type="description", epoch=epoch, description=SessionDescription.model_validate({"type": kind, "sdp": "v=0"})
        )
        self.see(self.stage.do(self.stage.call.relay(socket, message)))

    @rule(socket=sockets, epoch=EPOCHS)
    def trickle(self, socket: int, epoch: int) -> None:
        message = Candidate(type="candidate", epoch=epoch, candidate=IceCandidate(candidate="candidate:1"))
        self.see(self.stage.do(self.stage.call.relay(socket, message)))

    @rule(socket=sockets, text=st.text(min_size=1, max_size=20))
    def write(self, socket: int, text: str) -> None:
        call, message = self.stage.call, Chat.model_construct(type="chat", text=text)
        role = call.role_of(socket)
        effects = self.stage.do(call.chat(socket, message))
        self.see(effects)
        if role is None:
            assert effects == []
            return
        # Passed on to the other and nobody else, or said at once not to be; and nothing of it is noted.
        (effect,) = effects
        assert isinstance(effect, Send)
        peer = call.seats[role.other].socket
        is_passed_on = call.is_admitted and peer is not None
        assert effect.socket == (peer if is_passed_on else socket)
        assert (effect.message["type"] == "chat") is is_passed_on

    @rule(socket=sockets, is_hidden=st.booleans())
    def hide(self, socket: int, is_hidden: bool) -> None:
        self.see(self.stage.do(self.stage.call.away(socket, is_hidden=is_hidden, now=self.stage.now)))

    @rule(seconds=st.floats(0, 1000))
    def wait(self, seconds: float) -> None:
        self.see(self.stage.wait(seconds))

    @invariant()
    def seats_are_open_sockets_of_their_role(self) -> None:
        for role, seat in self.stage.call.seats.items():
            if seat.socket is not None:
                assert self.open.get(seat.socket) is role

    @invariant()
    def two_ready_admitted_people_are_never_left_without_an_attempt(self) -> None:
        call = self.stage.call
        if (
            call.is_admitted
            and not call.has_failed
            and all(seat.socket and seat.is_ready for seat in call.seats.values())
        ):
            assert all(seat.epoch == call.epoch for seat in call.seats.values())
            assert call.epoch > 0

    @invariant()
    def a_kept_seat_is_always_due(self) -> None:
        due = self.stage.call.next_tick()
        assert (due is not None) == any(seat.lost for seat in self.stage.call.seats.values())


AnyCall.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestAnyCall = AnyCall.TestCase
