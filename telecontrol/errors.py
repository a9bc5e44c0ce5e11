"""The domain's errors, as a tree. Only `telecontrol.web.errors` knows which HTTP status each becomes.

TelecontrolError
├── InvalidInput            what was given cannot be accepted; `field` says which part
├── NotFound                no such thing, or not for this viewer (the two are never told apart)
├── Forbidden               the viewer may know of it but not do this
├── Conflict                the state of things forbids it now
│   ├── SlotTaken           somebody else has the slot; carries fresh slots
│   ├── NoticeImpossible    too late to convoke in time; carries the first possible start
│   └── WrongState          the act is not allowed in the present state
├── TooManyAttempts         throttled; `retry_after` in seconds
├── Unavailable             a part the act needs is down; nothing was done
└── Misconfigured           settings that must not start
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class TelecontrolError(Exception):
    """Root of every error the service raises on purpose.

    `code` is stable and machine-readable; `message` is English, for logs and the API; `details` are plain values
    without personal data. Pages translate by `code`.
    """

    code = "error"

    def __init__(self, message: str = "", *, code: str | None = None, **details: Any) -> None:
        super().__init__(message or self.__class__.__name__)
        self.message = message
        self.details = details
        if code is not None:
            self.code = code


class InvalidInput(TelecontrolError):
    code = "invalid_input"

    def __init__(self, message: str = "", *, field: str | None = None, code: str | None = None, **details: Any) -> None:
        super().__init__(message, code=code, **details)
        self.field = field

    @classmethod
    def of_all(cls, problems: Sequence[InvalidInput]) -> InvalidInput:
        """One refusal for several faults: the first one's, and every one of them in `details["problems"]`."""
        first = problems[0]
        listed = [{"field": each.field, "code": each.code, **each.details} for each in problems]
        return cls(first.message, field=first.field, code=first.code, **{**first.details, "problems": listed})


class NotFound(TelecontrolError):
    code = "not_found"


class Unauthorised(TelecontrolError):
    code = "unauthorised"


class Forbidden(TelecontrolError):
    code = "forbidden"


class Conflict(TelecontrolError):
    code = "conflict"


class SlotTaken(Conflict):
    code = "slot_taken"


class NoticeImpossible(Conflict):
    code = "notice_impossible"


class WrongState(Conflict):
    code = "wrong_state"


class TooManyAttempts(TelecontrolError):
    code = "too_many_attempts"

    def __init__(self, message: str = "", *, retry_after: int, code: str | None = None, **details: Any) -> None:
        super().__init__(message, code=code, **details)
        self.retry_after = retry_after


class Unavailable(TelecontrolError):
    code = "unavailable"


class Misconfigured(TelecontrolError):
    code = "misconfigured"
