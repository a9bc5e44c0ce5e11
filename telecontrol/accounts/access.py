"""Who may do what with which data (`DOMAIN.md` §6). Pure: one table, and everything that it does not grant is refused.

A *relation* says how the viewer stands to the row, and is worked out by whoever read the row: `own` for a case of theirs (the
insured's own file, the doctor's own appointment, a row of the viewer's organisation or insurer). Three relations are own and
something more; each of them also opens what `own` opens.
"""

from __future__ import annotations

from enum import StrEnum


class Who(StrEnum):
    """The roles of whoever looks."""

    INSURED = "insured"
    DOCTOR = "doctor"
    MEDICAL_SERVICE = "medical_service"
    HANDLER = "handler"
    ADMINISTRATOR = "administrator"
    EMPLOYER = "employer"
    API = "api"


class Relation(StrEnum):
    NONE = "none"
    OWN = "own"
    BEFORE_VISIT = "before_visit"
    """Own, and the appointment has not been held yet."""
    NEEDED = "needed"
    """Own, and strictly needed for the task in hand, with a recorded reason."""
    REQUESTED = "requested"
    """Own, and the person asked for access to it."""


class Action(StrEnum):
    READ = "read"
    CREATE = "create"
    CHANGE = "change"
    CANCEL = "cancel"
    ANSWER = "answer"
    """Decline video, say that one cannot come, ask another hour, take any of these back."""
    DECIDE = "decide"
    """The desk's named decisions: waiver, other address, answer to an announced absence."""
    CONCLUDE = "conclude"
    SIGN = "sign"
    JOIN = "join"
    EXPORT_SEALED = "export_sealed"
    """Make a sealed file that the one who makes it cannot read."""


class Kind(StrEnum):
    INSURED = "insured"
    CONTROL = "control"
    APPOINTMENT = "appointment"
    CONCLUSION = "conclusion"
    NOTES = "notes"
    DOCUMENT = "document"
    REPORT = "report"
    LINK = "link"
    VIDEO = "video"
    CONNECTION_LOG = "connection_log"
    PREPARATION = "preparation"
    """What the insured says beforehand: what helps them, a language, who comes with them."""
    DEVICE_TEST = "device_test"
    MESSAGE = "message"
    TASK = "task"
    AGENDA = "agenda"
    SLOT = "slot"
    SETTINGS = "settings"
    """Organisations, insurers, doctors, sites, users, API keys, policies."""
    IMPORT = "import"
    SURVEY = "survey"
    """Answers of the insured, apart from whoever gave them; staff read them in groups alone."""


class RowFilter(StrEnum):
    """Which rows of the files a role can meet at all; `queries.py` of each slice turns it into a condition."""

    NOTHING = "nothing"
    SELF = "self"
    CASES = "cases"
    """The doctor's own appointments and their controls."""
    ORGANISATION = "organisation"
    """The viewer's organisation; the operator's own desk has none, and meets all."""
    INSURER = "insurer"


ROW_FILTERS: dict[Who, RowFilter] = {
    Who.INSURED: RowFilter.SELF,
    Who.DOCTOR: RowFilter.CASES,
    Who.MEDICAL_SERVICE: RowFilter.INSURER,
    Who.HANDLER: RowFilter.ORGANISATION,
    Who.EMPLOYER: RowFilter.ORGANISATION,
    Who.API: RowFilter.ORGANISATION,
    Who.ADMINISTRATOR: RowFilter.NOTHING,
}

_I, _D, _M, _H, _E, _P, _AD = (
    Who.INSURED,
    Who.DOCTOR,
    Who.MEDICAL_SERVICE,
    Who.HANDLER,
    Who.EMPLOYER,
    Who.API,
    Who.ADMINISTRATOR,
)
_OWN, _BEFORE, _NEEDED, _REQUESTED = Relation.OWN, Relation.BEFORE_VISIT, Relation.NEEDED, Relation.REQUESTED

ANY = "*"
"""A grant for every field of a kind."""

# (kind, field) → action → role → the relation it takes at least. What is absent is refused.
GRANTS: dict[tuple[Kind, str], dict[Action, dict[Who, Relation]]] = {
    (Kind.INSURED, "identity"): {
        Action.READ: {_I: _OWN, _D: _OWN, _M: _OWN, _H: _OWN, _E: _OWN, _P: _OWN},
        Action.CREATE: {_H: _OWN, _E: _OWN, _P: _OWN},
        Action.CHANGE: {_H: _OWN, _E: _OWN, _P: _OWN},
    },
    (Kind.INSURED, "contact"): {
        Action.READ: {_I: _OWN, _D: _OWN, _M: _OWN, _H: _OWN, _E: _OWN, _P: _OWN},
        Action.CHANGE: {_H: _OWN, _E: _OWN, _P: _OWN},
    },
    (Kind.INSURED, "language"): {
        Action.CHANGE: {_I: _OWN},
    },
    (Kind.INSURED, "place_of_rest"): {
        Action.READ: {_I: _OWN, _D: _OWN, _M: _OWN, _H: _BEFORE, _E: _OWN},
        Action.CHANGE: {_H: _BEFORE, _E: _OWN, _P: _OWN},
    },
    (Kind.CONTROL, ANY): {
        Action.READ: {_I: _OWN, _D: _OWN, _M: _OWN, _H: _OWN, _E: _OWN, _P: _OWN},
        Action.CREATE: {_H: _OWN, _E: _OWN, _P: _OWN},
        Action.CHANGE: {_H: _OWN},
        Action.CANCEL: {_H: _OWN, _E: _OWN, _P: _OWN},
    },
    (Kind.CONTROL, "timeline"): {Action.READ: {_D: _OWN, _M: _OWN, _H: _OWN}},
    (Kind.APPOINTMENT, ANY): {
        Action.READ: {_I: _OWN, _D: _OWN, _M: _OWN, _H: _OWN, _E: _OWN, _P: _OWN},
        Action.CREATE: {_H: _OWN, _P: _OWN},
        Action.CHANGE: {_H: _OWN, _P: _OWN, _D: _OWN},
        Action.CANCEL: {_H: _OWN, _P: _OWN, _D: _OWN},
        Action.ANSWER: {_I: _OWN, _H: _OWN, _P: _OWN},
        Action.DECIDE: {_H: _OWN},
    },
    (Kind.CONCLUSION, "administrative"): {
        Action.READ: {_I: _OWN, _D: _OWN, _M: _OWN, _H: _OWN, _E: _OWN, _P: _OWN},
        Action.CONCLUDE: {_D: _OWN, _P: _OWN},
        # The desk qualifies an absence as excused or technical, by name and with a reason; it never concludes on a leave.
        Action.DECIDE: {_D: _OWN, _H: _OWN},
    },
    (Kind.NOTES, ANY): {
        Action.READ: {_I: _REQUESTED, _D: _OWN, _M: _NEEDED},
        Action.CREATE: {_D: _OWN},
        Action.CHANGE: {_D: _OWN},
    },
    (Kind.DOCUMENT, ANY): {
        Action.READ: {_I: _REQUESTED, _D: _OWN, _M: _NEEDED},
        Action.CREATE: {_I: _OWN, _D: _OWN},
    },
    (Kind.REPORT, "content"): {
        Action.READ: {_I: _REQUESTED, _D: _OWN, _M: _OWN},
        Action.CHANGE: {_D: _OWN},
        Action.SIGN: {_D: _OWN},
    },
    (Kind.REPORT, "proof_of_sending"): {
        Action.READ: {_D: _OWN, _M: _OWN, _H: _OWN, _P: _OWN},
    },
    (Kind.REPORT, "export"): {Action.EXPORT_SEALED: {_H: _OWN}},
    (Kind.LINK, "token"): {Action.READ: {_I: _OWN}},
    (Kind.VIDEO, "live"): {Action.JOIN: {_I: _OWN, _D: _OWN}},
    (Kind.CONNECTION_LOG, ANY): {Action.READ: {_I: _OWN, _D: _OWN, _M: _OWN, _H: _OWN}},
    # The desk finds an interpreter, so it hears of the language; what helps somebody, and the name of who comes with them, are
    # between the insured and the doctor. That somebody comes is all that the desk is told.
    (Kind.PREPARATION, ANY): {Action.READ: {_I: _OWN, _D: _OWN}, Action.ANSWER: {_I: _OWN}},
    (Kind.PREPARATION, "language"): {Action.READ: {_I: _OWN, _D: _OWN, _H: _OWN}},
    (Kind.PREPARATION, "companion_announced"): {Action.READ: {_I: _OWN, _D: _OWN, _H: _OWN}},
    (Kind.DEVICE_TEST, ANY): {Action.READ: {_I: _OWN, _D: _OWN, _H: _OWN}, Action.CREATE: {_I: _OWN}},
    # Messages are shown with their links masked.
    (Kind.MESSAGE, ANY): {Action.READ: {_I: _OWN, _H: _OWN, _P: _OWN}},
    (Kind.TASK, ANY): {
        Action.READ: {_H: _OWN, _D: _OWN, _AD: _OWN},
        Action.CHANGE: {_H: _OWN, _D: _OWN, _AD: _OWN},
    },
    (Kind.AGENDA, ANY): {
        Action.READ: {_D: _OWN, _H: _OWN, _AD: _OWN},
        Action.CHANGE: {_D: _OWN, _H: _OWN, _AD: _OWN},
    },
    (Kind.SLOT, ANY): {Action.READ: {_H: _OWN, _P: _OWN, _I: _OWN, _D: _OWN}},
    (Kind.SETTINGS, ANY): {
        Action.READ: {_AD: _OWN},
        Action.CREATE: {_AD: _OWN},
        Action.CHANGE: {_AD: _OWN},
    },
    (Kind.SURVEY, ANY): {Action.CREATE: {_I: _OWN}, Action.READ: {_H: _OWN, _AD: _OWN}},
    (Kind.IMPORT, "controls"): {Action.READ: {_H: _OWN}, Action.CREATE: {_H: _OWN}},
    (Kind.IMPORT, "reference_data"): {Action.READ: {_AD: _OWN}, Action.CREATE: {_AD: _OWN}},
}


def allowed(role: Who, action: Action, kind: Kind, field: str, relation: Relation) -> bool:
    """Whether `role`, standing in `relation` to the row, may do `action` to `field` of `kind`.

    A field that has its own line in the table follows that line alone; another follows the kind's line for every field.
    """
    grants = GRANTS.get((kind, field)) or GRANTS.get((kind, ANY), {})
    needed = grants.get(action, {}).get(role)
    return needed is not None and relation is not Relation.NONE and needed in (Relation.OWN, relation)


def row_filter(role: Who) -> RowFilter:
    """The rows that `role` can meet at all."""
    return ROW_FILTERS.get(role, RowFilter.NOTHING)
