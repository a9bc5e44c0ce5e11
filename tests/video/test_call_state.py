from __future__ import annotations

import pytest

from telecontrol.video.call_effects import Drop, Note, Send
from telecontrol.video.call_messages import Candidate, Description, IceCandidate, ProblemCode, SessionDescription
from telecontrol.video.models import EventKind, Role
from telecontrol.video.provider import SeatState
from tests.video.pages import Stage, noted, sent, starts

DOCTOR, INSURED = Role.DOCTOR, Role.INSURED


def offer(epoch: int) -> Description:
    return Description(type="description", epoch=epoch, description=SessionDescription(type="offer", sdp="v=0"))


def answer(epoch: int) -> Description:
    return Description(type="description", epoch=epoch, description=SessionDescription(type="answer", sdp="v=0"))


def candidate(epoch: int) -> Candidate:
    return Candidate(type="candidate", epoch=epoch, candidate=IceCandidate(candidate="candidate:1", sdpMid="0"))


def talking(**options: object) -> tuple[Stage, int, int]:
    """Both seated, admitted, and seeing each other in attempt 1."""
    stage = Stage(**options)
    insured, _ = stage.join(INSURED)
    doctor, _ = stage.join(DOCTOR)
    stage.do(stage.call.admit(stage.now))
    stage.do(stage.call.live(doctor, 1, now=stage.now))
    stage.do(stage.call.live(insured, 1, now=stage.now))
    return stage, doctor, insured


@pytest.mark.parametrize("first", [DOCTOR, INSURED])
def test_nothing_starts_before_admission_and_both_start_after_it(first: Role) -> None:
    stage = Stage()
    stage.join(first)
    stage.join(first.other)
    assert starts(stage.effects) == []
    assert stage.call.presence(INSURED).state is SeatState.WAITING

    effects = stage.do(stage.call.admit(stage.now))

    orders = {start.role: start for start in starts(effects)}
    assert {role: (order.epoch, order.is_offerer) for role, order in orders.items()} == {
        DOCTOR: (1, True),
        INSURED: (1, False),
    }
    assert [send.message["type"] for send in sent(effects, "admitted")] == ["admitted", "admitted"]


def test_what_the_insured_sends_before_admission_goes_nowhere() -> None:
    stage = Stage()
    insured, _ = stage.join(INSURED)
    doctor, _ = stage.join(DOCTOR)
    assert stage.call.relay(insured, answer(0)) == []
    assert stage.call.relay(insured, candidate(0)) == []
    assert stage.call.relay(doctor, offer(0)) == []
    assert stage.call.live(insured, 0, now=stage.now) == []
    assert stage.call.stuck(insured, 0, now=stage.now) == []
    assert stage.call.restart(insured) == []
    assert stage.call.epoch == 0


def test_negotiation_waits_until_both_have_settled_camera_and_microphone() -> None:
    stage = Stage(is_admitted=True)
    doctor, _ = stage.join(DOCTOR, ready=False)
    insured, _ = stage.join(INSURED, ready=False)
    assert starts(stage.do(stage.call.ready(doctor, stage.call.seats[DOCTOR].media))) == []
    effects = stage.do(stage.call.ready(insured, stage.call.seats[INSURED].media))
    assert len(starts(effects)) == 2
    # Saying it again does not begin anew.
    assert starts(stage.call.ready(insured, stage.call.seats[INSURED].media)) == []


def test_only_the_present_attempt_from_the_right_side_is_relayed() -> None:
    stage, doctor, insured = talking()
    assert [send.socket for send in sent(stage.call.relay(doctor, offer(1)), "description")] == [insured]
    assert [send.socket for send in sent(stage.call.relay(insured, answer(1)), "description")] == [doctor]
    assert [send.socket for send in sent(stage.call.relay(insured, candidate(1)), "candidate")] == [doctor]
    for late in (offer(0), offer(2), candidate(0)):
        assert stage.call.relay(doctor, late) == []
    assert stage.call.relay(insured, offer(1)) == [], "the insured never offers"
    assert stage.call.relay(doctor, answer(1)) == []
    assert stage.call.relay(999, candidate(1)) == [], "a socket without a seat has no say"


def test_a_reload_comes_back_without_a_second_admission() -> None:
    stage, _doctor, insured = talking()
    stage.do(stage.call.bye(insured, for_good=False, now=stage.now))
    stage.wait(2)
    _, effects = stage.join(INSURED, "another-page")
    assert stage.call.is_admitted
    assert [start.epoch for start in starts(effects)] == [2, 2]
    assert sent(effects, "welcome")[0].message["is_admitted"] is True
    assert noted(effects) == [(INSURED, EventKind.RETURNED)]


def test_a_dropped_socket_resumes_the_picture_it_still_has() -> None:
    stage, _doctor, insured = talking()
    stage.do(stage.call.lost(insured, now=stage.now))
    stage.wait(1)
    socket, effects = stage.join(INSURED, epoch=1, live=True)
    assert starts(effects) == []
    assert [(send.socket, send.message["epoch"]) for send in sent(effects, "resume")] == [(socket, 1)]


def test_the_picture_survives_a_restart_of_the_server() -> None:
    stage = Stage(is_admitted=True)
    _, first = stage.join(DOCTOR, epoch=7, live=True)
    second_socket, second = stage.join(INSURED, epoch=7, live=True)
    assert starts(first + second) == []
    assert [send.socket for send in sent(second, "resume")] == [second_socket]
    assert stage.call.epoch == 7


def test_after_a_restart_of_the_server_an_unfinished_attempt_begins_above_its_number() -> None:
    stage = Stage(is_admitted=True)
    stage.join(DOCTOR, epoch=4)
    _, effects = stage.join(INSURED, epoch=4)
    assert [start.epoch for start in starts(effects)] == [5, 5]


def test_the_seat_is_kept_for_the_grace_and_admission_goes_with_it() -> None:
    stage, doctor, insured = talking(grace=45)
    stage.do(stage.call.lost(insured, now=stage.now))
    stage.do(stage.call.stuck(doctor, 1, now=stage.now))
    left_at = stage.now.at
    assert noted(stage.wait(44)) == []
    effects = stage.wait(1)
    notes = [effect for effect in effects if isinstance(effect, Note)]
    assert [(note.role, note.event, note.at) for note in notes] == [(INSURED, EventKind.LEFT, left_at)]
    assert not stage.call.is_admitted
    _, effects = stage.join(INSURED)
    assert starts(effects) == []
    assert sent(effects, "welcome")[0].message["is_admitted"] is False


def test_a_seat_whose_picture_is_still_seen_is_not_given_up() -> None:
    stage, doctor, insured = talking(grace=45)
    stage.do(stage.call.lost(insured, now=stage.now))
    assert noted(stage.wait(300)) == []
    effects = stage.do(stage.call.stuck(doctor, 1, now=stage.now)) + stage.wait(0)
    assert (INSURED, EventKind.LEFT) in noted(effects)


def test_hanging_up_frees_the_seat_at_once() -> None:
    stage, doctor, insured = talking()
    effects = stage.do(stage.call.bye(insured, for_good=True, now=stage.now))
    assert noted(effects) == [(INSURED, EventKind.LEFT)]
    assert Drop(insured) in effects
    told = sent(effects, "peer")[0]
    assert (told.socket, told.message["state"], told.message["has_left"]) == (doctor, "absent", True)
    assert told.message["since"] == stage.now.at.isoformat(), "since when they are gone"
    assert not stage.call.is_admitted


def test_the_doctor_leaving_does_not_cost_the_insured_their_admission() -> None:
    stage, doctor, _insured = talking()
    stage.do(stage.call.bye(doctor, for_good=True, now=stage.now))
    _, effects = stage.join(DOCTOR, "again-doctor")
    assert [start.epoch for start in starts(effects)] == [2, 2]


def test_a_second_tab_takes_the_seat_and_the_first_can_take_it_back() -> None:
    stage, _doctor, insured = talking()
    second, effects = stage.join(INSURED, "second-tab")
    assert Send(insured, {"type": "takeover"}) in effects
    assert Drop(insured) in effects
    assert stage.call.lost(insured, now=stage.now) == [], "the old socket's end means nothing now"
    _, effects = stage.join(INSURED, "page-of-insured")
    assert Send(second, {"type": "takeover"}) in effects
    assert [start.epoch for start in starts(effects)] == [3, 3]


def test_the_same_page_on_a_new_socket_is_no_takeover() -> None:
    stage, _doctor, insured = talking()
    _, effects = stage.join(INSURED, epoch=1, live=True)
    assert sent(effects, "takeover") == []
    assert Drop(insured) in effects


@pytest.mark.parametrize(("has_relay", "policies"), [(True, [False, True]), (False, [False, False])])
def test_stuck_tries_again_then_by_relay_alone_then_gives_the_telephone(has_relay: bool, policies: list[bool]) -> None:
    stage, doctor, insured = talking(has_relay=has_relay)
    seen = []
    for epoch in (1, 2):
        effects = stage.do(stage.call.stuck(doctor, epoch, now=stage.now))
        # The other side says the same of the same attempt: that is not another one.
        assert stage.call.stuck(insured, epoch, now=stage.now) == []
        seen.append({start.is_relay_only for start in starts(effects)})
        assert {start.epoch for start in starts(effects)} == {epoch + 1}
    assert seen == [{policy} for policy in policies]

    effects = stage.do(stage.call.stuck(insured, 3, now=stage.now))
    assert starts(effects) == []
    assert {send.socket for send in sent(effects, "failed")} == {doctor, insured}
    problems = [effect for effect in effects if isinstance(effect, Note)]
    assert {(note.event, note.detail["code"]) for note in problems} == {(EventKind.TECHNICAL_PROBLEM, "no_media")}

    effects = stage.do(stage.call.restart(insured))
    assert {(start.epoch, start.attempt) for start in starts(effects)} == {(4, 0)}


def test_seeing_each_other_again_gives_back_every_attempt() -> None:
    stage, doctor, insured = talking()
    stage.do(stage.call.stuck(doctor, 1, now=stage.now))
    stage.do(stage.call.live(doctor, 2, now=stage.now))
    assert stage.call.attempt == 1
    stage.do(stage.call.live(insured, 2, now=stage.now))
    assert stage.call.attempt == 0


def test_the_doctor_asks_to_wait() -> None:
    stage = Stage()
    insured, _ = stage.join(INSURED)
    assert stage.call.later(10) == [Send(insured, {"type": "waiting", "delay_minutes": 10})]


def test_a_hidden_page_is_away_and_back() -> None:
    stage, doctor, insured = talking()
    effects = stage.do(stage.call.away(insured, is_hidden=True, now=stage.now))
    assert noted(effects) == [(INSURED, EventKind.AWAY)]
    assert [(send.socket, send.message["state"]) for send in sent(effects, "peer")] == [(doctor, "away")]
    assert stage.call.away(insured, is_hidden=True, now=stage.now) == []
    assert noted(stage.do(stage.call.away(insured, is_hidden=False, now=stage.now))) == [(INSURED, EventKind.RETURNED)]


def test_a_hidden_telephone_costs_no_attempt_and_begins_anew_when_it_is_back() -> None:
    stage, doctor, insured = talking()
    stage.do(stage.call.away(insured, is_hidden=True, now=stage.now))
    for _ in range(5):
        assert stage.call.stuck(doctor, 1, now=stage.now) == []
    assert not stage.call.has_failed
    effects = stage.do(stage.call.away(insured, is_hidden=False, now=stage.now))
    assert [(start.epoch, start.attempt) for start in starts(effects)] == [(2, 0), (2, 0)]


def test_a_telephone_that_was_hidden_for_a_moment_keeps_its_picture() -> None:
    stage, _doctor, insured = talking()
    stage.do(stage.call.away(insured, is_hidden=True, now=stage.now))
    assert starts(stage.do(stage.call.away(insured, is_hidden=False, now=stage.now))) == []


def test_a_problem_is_recorded_once_and_told_each_time() -> None:
    stage, doctor, insured = talking()
    first = stage.do(stage.call.problem(insured, ProblemCode.MICROPHONE_SILENT, now=stage.now))
    second = stage.do(stage.call.problem(insured, ProblemCode.MICROPHONE_SILENT, now=stage.now))
    assert noted(first) == [(INSURED, EventKind.TECHNICAL_PROBLEM)]
    assert noted(second) == []
    assert [send.socket for send in sent(second, "peer_problem")] == [doctor]


def test_finishing_ends_it_for_both() -> None:
    stage, doctor, insured = talking()
    effects = stage.do(stage.call.finish(reason="finished", now=stage.now))
    assert {send.socket for send in sent(effects, "ended")} == {doctor, insured}
    assert Drop(doctor) in effects
    assert Drop(insured) in effects
    assert set(noted(effects)) == {(DOCTOR, EventKind.LEFT), (INSURED, EventKind.LEFT)}
    assert stage.call.is_empty
    assert not stage.call.is_admitted
