"""What Twilio's error codes mean for a message, at creation and in status callbacks alike (`PROMISES.md` §3). Pure.

Source: https://www.twilio.com/docs/api/errors, read November 2026.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to do after a refusal or a failed delivery."""

    permanent: bool
    """Trying again is useless."""
    stops_target: bool = False
    """Every SMS would fail the same way: the queue pauses and operations are told."""
    retry_after: timedelta | None = None
    retries: int | None = None
    """How many later tries are worth it; None leaves it to the outbox."""
    address_is_bad: bool = False
    """The number itself will never receive an SMS: it is marked."""
    tells_operations: bool = False


_DEAD_NUMBER = Verdict(permanent=True, address_is_bad=True)
_FAULT_OF_OURS = Verdict(permanent=False, stops_target=True, tells_operations=True)
_LATER = Verdict(permanent=False)

VERDICTS: dict[int, Verdict] = {
    # The recipient.
    21211: _DEAD_NUMBER,  # not a valid number
    21217: _DEAD_NUMBER,
    21401: _DEAD_NUMBER,
    21407: _DEAD_NUMBER,
    21421: _DEAD_NUMBER,
    21610: _DEAD_NUMBER,  # the person answered STOP
    21612: _DEAD_NUMBER,  # no route to it
    21614: _DEAD_NUMBER,  # not a mobile number
    30005: _DEAD_NUMBER,  # unknown or inactive
    30006: _DEAD_NUMBER,  # a fixed line, or a network that takes no SMS
    30003: Verdict(permanent=False, retry_after=timedelta(hours=2), retries=1),  # switched off or out of reach
    30004: Verdict(permanent=True, tells_operations=True),  # blocked by the network
    30007: Verdict(permanent=True, tells_operations=True),  # filtered as unwanted
    30008: Verdict(permanent=False, retry_after=timedelta(minutes=30), retries=1),  # unknown error
    # Lengths and content.
    21602: Verdict(permanent=True, tells_operations=True),  # no body
    21617: Verdict(permanent=True, tells_operations=True),  # body over 1600 characters
    # Time.
    30001: _LATER,  # our queue at Twilio is full
    21611: _LATER,
    20429: _LATER,
    30036: Verdict(permanent=True),  # the validity period ran out
    # Our account and our settings.
    10001: _FAULT_OF_OURS,  # account not active: no credit, or suspended
    20003: _FAULT_OF_OURS,  # bad credentials
    20005: _FAULT_OF_OURS,  # account not active
    20006: _FAULT_OF_OURS,
    20008: _FAULT_OF_OURS,
    30002: _FAULT_OF_OURS,  # account suspended after queueing
    21408: Verdict(permanent=True, tells_operations=True),  # the country is not allowed for this account
    21606: _FAULT_OF_OURS,  # the sender cannot send SMS
    21608: Verdict(permanent=True, tells_operations=True),  # trial account, number not verified
    21609: _FAULT_OF_OURS,  # the status callback's address is refused
    21701: _FAULT_OF_OURS,  # no such messaging service
    21703: _FAULT_OF_OURS,  # a messaging service without a sender
    21704: _FAULT_OF_OURS,
    21705: _FAULT_OF_OURS,
}


def verdict_of(code: int, *, status: int = 400) -> Verdict:
    """The verdict for an error code, with the HTTP status for codes that are not in the table.

    401, 402 and 403 speak of our account; another 4xx will not change by itself.
    """
    known = VERDICTS.get(code)
    if known is not None:
        return known
    if status in {401, 402, 403}:
        return _FAULT_OF_OURS
    return _LATER if status == 429 else Verdict(permanent=True, tells_operations=True)
