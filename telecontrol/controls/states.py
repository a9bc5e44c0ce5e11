"""The one table of a control's states (`DOMAIN.md` §5). Pure; the drawing in the docs is generated from it."""

from __future__ import annotations

from enum import StrEnum

from telecontrol.errors import WrongState


class ControlState(StrEnum):
    REQUESTED = "requested"
    TAKEN_IN_CHARGE = "taken_in_charge"
    TO_BOOK = "to_book"
    BOOKED = "booked"
    IN_PERSON_TO_BOOK = "in_person_to_book"
    ABSENCE_TO_QUALIFY = "absence_to_qualify"
    TO_QUALIFY = "to_qualify"
    CONCLUDED = "concluded"
    REPORTED = "reported"
    CLOSED = "closed"
    CANCELLED = "cancelled"


class Act(StrEnum):
    """What moves a control from one state to another."""

    TAKE_IN_CHARGE = "take_in_charge"
    OPEN_FOR_BOOKING = "open_for_booking"
    BOOK = "book"
    RELEASE = "release"
    """The notice missed its limit, or the service or doctor gave the appointment up."""
    DECLINE_VIDEO = "decline_video"
    UNDO_DECLINE = "undo_decline"
    ANNOUNCE_ABSENCE = "announce_absence"
    WITHDRAW_ABSENCE = "withdraw_absence"
    KEEP_APPOINTMENT = "keep_appointment"
    """The desk answers an announced absence: the appointment stands."""
    EXCUSE_ABSENCE = "excuse_absence"
    END_WITHOUT_CONCLUSION = "end_without_conclusion"
    CONCLUDE = "conclude"
    CONCLUDE_REBOOK = "conclude_rebook"
    CONCLUDE_IN_PERSON = "conclude_in_person"
    REPORT = "report"
    CLOSE = "close"
    CANCEL = "cancel"


_S, _A = ControlState, Act

TRANSITIONS: dict[tuple[ControlState, Act], ControlState] = {
    (_S.REQUESTED, _A.TAKE_IN_CHARGE): _S.TAKEN_IN_CHARGE,
    (_S.REQUESTED, _A.OPEN_FOR_BOOKING): _S.TO_BOOK,
    (_S.TAKEN_IN_CHARGE, _A.OPEN_FOR_BOOKING): _S.TO_BOOK,
    (_S.TO_BOOK, _A.BOOK): _S.BOOKED,
    (_S.IN_PERSON_TO_BOOK, _A.BOOK): _S.BOOKED,
    (_S.BOOKED, _A.RELEASE): _S.TO_BOOK,
    (_S.ABSENCE_TO_QUALIFY, _A.RELEASE): _S.TO_BOOK,
    (_S.BOOKED, _A.DECLINE_VIDEO): _S.IN_PERSON_TO_BOOK,
    (_S.ABSENCE_TO_QUALIFY, _A.DECLINE_VIDEO): _S.IN_PERSON_TO_BOOK,
    (_S.IN_PERSON_TO_BOOK, _A.UNDO_DECLINE): _S.BOOKED,
    (_S.BOOKED, _A.ANNOUNCE_ABSENCE): _S.ABSENCE_TO_QUALIFY,
    (_S.ABSENCE_TO_QUALIFY, _A.WITHDRAW_ABSENCE): _S.BOOKED,
    (_S.ABSENCE_TO_QUALIFY, _A.KEEP_APPOINTMENT): _S.BOOKED,
    (_S.ABSENCE_TO_QUALIFY, _A.EXCUSE_ABSENCE): _S.IN_PERSON_TO_BOOK,
    (_S.BOOKED, _A.END_WITHOUT_CONCLUSION): _S.TO_QUALIFY,
    (_S.ABSENCE_TO_QUALIFY, _A.END_WITHOUT_CONCLUSION): _S.TO_QUALIFY,
    (_S.CONCLUDED, _A.REPORT): _S.REPORTED,
    (_S.CONCLUDED, _A.CLOSE): _S.CLOSED,
    (_S.REPORTED, _A.CLOSE): _S.CLOSED,
}
for _state in (_S.BOOKED, _S.ABSENCE_TO_QUALIFY, _S.TO_QUALIFY):
    TRANSITIONS[_state, _A.CONCLUDE] = _S.CONCLUDED
    TRANSITIONS[_state, _A.CONCLUDE_REBOOK] = _S.TO_BOOK
    TRANSITIONS[_state, _A.CONCLUDE_IN_PERSON] = _S.IN_PERSON_TO_BOOK
for _state in (
    _S.REQUESTED,
    _S.TAKEN_IN_CHARGE,
    _S.TO_BOOK,
    _S.BOOKED,
    _S.IN_PERSON_TO_BOOK,
    _S.ABSENCE_TO_QUALIFY,
):
    # Not *to qualify*: its report is drafted, and only a named person's qualification or the doctor's word withdraws it.
    TRANSITIONS[_state, _A.CANCEL] = _S.CANCELLED

ENDED = frozenset({_S.CLOSED, _S.CANCELLED})
AWAITS_BOOKING = frozenset({_S.TO_BOOK, _S.IN_PERSON_TO_BOOK})
HAS_APPOINTMENT = frozenset({_S.BOOKED, _S.ABSENCE_TO_QUALIFY})


def after(state: ControlState, act: Act) -> ControlState:
    """The state that `act` leads to. Raises `WrongState` when the act is not allowed in `state`."""
    try:
        return TRANSITIONS[state, act]
    except KeyError:
        raise WrongState(
            f"{act} is not possible while the control is {state}", state=str(state), act=str(act)
        ) from None


def allows(state: ControlState, act: Act) -> bool:
    return (state, act) in TRANSITIONS


def as_mermaid() -> str:
    """The drawing of the table, in Mermaid's state diagram language."""
    lines = ["stateDiagram-v2", f"    [*] --> {_S.REQUESTED}"]
    lines += [
        f"    {source} --> {target}: {act}" for (source, act), target in TRANSITIONS.items() if act is not _A.CANCEL
    ]
    cancellable = sorted(source for source, act in TRANSITIONS if act is _A.CANCEL)
    lines += [f"    {source} --> {_S.CANCELLED}: {_A.CANCEL}" for source in cancellable]
    lines += [f"    {state} --> [*]" for state in sorted(ENDED)]
    return "\n".join(lines) + "\n"
