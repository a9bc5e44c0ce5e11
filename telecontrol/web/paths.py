"""The addresses of the pages: what templates link to and what routes answer on. Functions take ids as text."""

from __future__ import annotations

# Anybody.
WELCOME = "/"
LANGUAGE = "/language"
GENUINE = "/genuine"
LOST_LINK = "/lost-link"
PRIVACY = "/privacy"
ACCESSIBILITY = "/accessibility"
DEVICE_TEST = "/test"
DEVICE_TEST_CONNECTION = "/test/connection"
ROBOTS = "/robots.txt"

# The insured: one page after the link was exchanged for a cookie, and its acts (`r` for rendez-vous).
HOME = "/r"
MOVED = "/r/moved"
BIRTH_DATE = "/r/birth-date"
CODE = "/r/code"
CODE_SEND = "/r/code/send"
JOIN = "/r/join"
JOIN_TICKET = "/r/join/ticket"
JOIN_LINK = "/r/join/link"
TEST = "/r/test"
TEST_CONNECTION = "/r/test/connection"
PREPARE = "/r/prepare"
PREPARE_CLEAR = "/r/prepare/clear"
DECLINE = "/r/decline"
DECLINE_UNDO = "/r/decline/undo"
IN_PERSON = "/r/in-person"
CANNOT_COME = "/r/cannot-come"
CANNOT_COME_UNDO = "/r/cannot-come/undo"
OTHER_HOUR = "/r/other-hour"
CALENDAR = "/r/calendar.ics"
RECEIPT = "/r/receipt"
SURVEY = "/r/survey"

# Whoever comes with the insured, by the link that these gave them.
COMPANION = "/with/call"
COMPANION_TICKET = "/with/call/ticket"

# Staff.
SIGN_IN = "/sign-in"
SIGN_OUT = "/sign-out"
PASSWORD = "/password"  # noqa: S105  (an address)

DOCTOR = "/doctor"
DOCTOR_AGENDA = "/doctor/agenda"
DOCTOR_REPORTS = "/doctor/reports"
DOCTOR_HAND_OVER = "/doctor/hand-over"

DESK = "/desk"
DESK_APPOINTMENTS = "/desk/appointments"
DESK_SEARCH = "/desk/search"
DESK_IMPORT = "/desk/import"
DESK_SATISFACTION = "/desk/satisfaction"

ADMIN_ORGANISATIONS = "/admin/organisations"
ADMIN_INSURERS = "/admin/insurers"
ADMIN_DOCTORS = "/admin/doctors"
ADMIN_SITES = "/admin/sites"
ADMIN_USERS = "/admin/users"
ADMIN_POLICIES = "/admin/policies"
ADMIN_SERVICE = "/admin/service"
ADMIN_SATISFACTION = "/admin/satisfaction"

# Development and demonstration.
OUTBOX = "/outbox"
LOCAL_INSURER = "/local-insurer"
DEMO_CLOCK = "/demo/clock"


def link(token: str) -> str:
    """Where a message's link leads; POST exchanges it."""
    return f"/i/{token}"


def companion_link(token: str) -> str:
    """Where the insured's companion asks to come in."""
    return f"/with/{token}"


def brand(organisation_id: str) -> str:
    """The organisation's accent, as a style sheet."""
    return f"/brand/{organisation_id}.css"


def room(appointment_id: str, part: str = "") -> str:
    """The doctor's room; `part`: waiting, ticket, admit, ask-to-wait, receive, phone-call, problem, document, notes, conclude, log."""
    return f"/doctor/room/{appointment_id}" + (f"/{part}" if part else "")


def doctor_agenda(part: str) -> str:
    """A change of the doctor's agenda; `part`: absences, exceptions, or one of them with /remove."""
    return f"{DOCTOR_AGENDA}/{part}"


def report(report_id: str, part: str = "") -> str:
    """The doctor's report; `part`: sign, qualify."""
    return f"/doctor/reports/{report_id}" + (f"/{part}" if part else "")


def control(control_id: str, part: str = "") -> str:
    """A control on the desk; `part`: book, in-person, cancel, move, absence, waiver, contact, tries, qualify."""
    return f"/desk/controls/{control_id}" + (f"/{part}" if part else "")


def task(task_id: str, part: str) -> str:
    """A task of the desk; `part`: claim, done."""
    return f"/desk/tasks/{task_id}/{part}"


def message(intent_id: str, part: str) -> str:
    """A message of a control; `part`: resend, decide."""
    return f"/desk/messages/{intent_id}/{part}"


def desk_import(import_id: str, part: str = "") -> str:
    """An import; `part`: confirm, progress, cancel, errors.csv."""
    return f"{DESK_IMPORT}/{import_id}" + (f"/{part}" if part else "")


def admin(collection: str, row_id: str = "", part: str = "") -> str:
    """A row of the administration, a new one (`new`), or an act on it. `collection` is one of the ADMIN_ paths."""
    return "/".join(piece for piece in (collection, row_id, part) if piece)


def outbox_message(message_id: str, part: str = "") -> str:
    """A message of the development mailbox; `part`: html."""
    return f"{OUTBOX}/{message_id}" + (f"/{part}" if part else "")
