"""The words of docs/tour.md: who does what on each page. `scripts.tour` puts the pictures beside them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Scene:
    """A page: the beginning of its pictures' names, a title, what the person does here."""

    picture: str
    title: str
    words: str


@dataclass(frozen=True)
class Chapter:
    title: str
    words: str
    scenes: tuple[Scene, ...]


CHAPTERS = (
    Chapter(
        "The insured",
        "No account, nothing to install: a link in an e-mail and in an SMS, on any phone.",
        (
            Scene(
                "insured-gate",
                "The link",
                "Who calls and when, and one button. No name yet: a message can be read by others. Opening the link changes nothing.",
            ),
            Scene(
                "insured-birth-date",
                "Is it you?",
                "The birth date opens the page. Five tries, then a person helps by phone.",
            ),
            Scene(
                "insured-before",
                "Before the appointment",
                "The hour in large type, a calendar button, how to prepare. *I prefer an in-person appointment* and *I cannot come* are as visible as joining.",
            ),
            Scene(
                "insured-near",
                "Near the hour",
                "The button to join opens fifteen minutes before. It says what will happen.",
            ),
            Scene(
                "insured-devices",
                "Camera and microphone",
                "Arrived already: the doctor is told. A look at oneself, a bar that moves when one speaks, other devices for those who want them, sound only for those who prefer. One press to go in.",
            ),
            Scene(
                "insured-refused-by-browser",
                "The browser refuses the camera",
                "Each thing that keeps a camera away is named for what it is, with its one remedy; nobody is kept out.",
            ),
            Scene(
                "insured-refused-by-system", "The device refuses the camera", "The remedy is in the device's settings."
            ),
            Scene("insured-device-busy", "Another program has the camera", "Close it and try again."),
            Scene("insured-no-device", "No camera, no microphone", "The same link opens on a phone as well."),
            Scene(
                "insured-in-app",
                "Inside another application",
                "A mail reader's own window often has no camera: a link to copy opens the same place in a browser.",
            ),
            Scene(
                "insured-waiting",
                "Waiting",
                "The doctor is told of the arrival. The insured sees their own picture; nobody else does yet.",
            ),
            Scene("insured-delayed", "The doctor is late", "Said with minutes, by one press of the doctor's."),
            Scene(
                "insured-call",
                "In the call",
                "The doctor large, oneself small, buttons with words, the phone number in reach.",
            ),
            Scene(
                "insured-poor",
                "A poor network",
                "The picture is let go by itself so that the sound passes, and comes back by itself.",
            ),
            Scene("insured-reconnecting", "Cut", "The page tries again by itself, then by the relay alone."),
            Scene(
                "insured-failed",
                "Nothing passes",
                "The telephone within thirty seconds, and the sentence that matters: nobody is blamed for a technical failure.",
            ),
            Scene("insured-finished", "Over", "What happens next, and a way back if it was a mistake."),
            Scene(
                "insured-decline",
                "Preferring in person",
                "A choice, confirmed by a second press, without reason asked and without consequence.",
            ),
            Scene(
                "insured-declined",
                "Declined",
                "Up to three in-person hours can be chosen at once. The choice can be undone for a while. Otherwise the desk takes over.",
            ),
            Scene("insured-in-person", "In person", "Where to go, how to get in, whom to tell when one cannot travel."),
            Scene(
                "insured-cannot-come",
                "I cannot come",
                "Neutral reasons from a list, no free text: nothing medical reaches the desk.",
            ),
        ),
    ),
    Chapter(
        "The doctor",
        "One screen to run an appointment.",
        (
            Scene("doctor-today", "Today", "Who comes when, who is waiting since when, which reports are due."),
            Scene(
                "doctor-room-waiting",
                "Somebody waits",
                "Name, arrival, state of the devices. The doctor admits, or asks for a few minutes.",
            ),
            Scene(
                "doctor-room",
                "The room",
                "Who waits on the left, the call in the middle, dossier, private notes and conclusion on the right. The conclusion is read again before it is signed.",
            ),
            Scene("doctor-agenda", "Agenda", "Weekly openings, absences and exceptions, kept by the doctor."),
            Scene(
                "doctor-reports", "Reports", "What must be signed, by when, and what was acknowledged by the insurer."
            ),
        ),
    ),
    Chapter(
        "The case handler",
        "What needs somebody now, and how long there is.",
        (
            Scene(
                "desk-home",
                "The desk",
                "Controls to book, refusals to route, absences to answer, notices at risk, reports due. The next action stands on each row.",
            ),
            Scene(
                "desk-booking",
                "Booking",
                "Only hours whose convocation can still leave in time. Choose, check, book.",
            ),
            Scene(
                "desk-control",
                "A control",
                "Its whole story, and every message and report with proof. No link, no medical word.",
            ),
            Scene("desk-appointments", "Appointments", "What is booked, day by day, and whether its notice is good."),
            Scene(
                "desk-import",
                "Import",
                "A CSV file of requests: each wrong line is named with its number, column and reason.",
            ),
        ),
    ),
    Chapter(
        "The administrator",
        "Who takes part, and by which rules.",
        (
            Scene("admin-organisations", "Organisations", "Name, mandate, phone, accent colour, API keys."),
            Scene("admin-doctors", "Doctors", "RPPS number, approvals with their dates, agenda."),
            Scene(
                "admin-policies",
                "Policies",
                "Every figure of the rules is a version: older controls keep the one they began under.",
            ),
        ),
    ),
    Chapter(
        "The demonstration's post",
        "In the demonstration nothing leaves the machine: messages and reports arrive here.",
        (
            Scene("outbox-mail", "An e-mail", "As it would be read, with its link and its calendar part."),
            Scene("outbox-sms", "An SMS", "One segment; who, when, the link."),
            Scene(
                "insurer",
                "The local insurer",
                "The reports it received. It can be told to refuse, to lose its reply or to be slow.",
            ),
        ),
    ),
)

_HEAD = """# A tour of the pages

<!-- Written by `python -m scripts.tour`; the words are in scripts/tour/text.py. -->

Each page at the size of a phone and of a laptop. The people are the demonstration's own (`make run`).
"""


def page_of(chapters: tuple[Chapter, ...], pictures: Path) -> str:
    """The tour as Markdown. Raises `FileNotFoundError` for a scene without its pictures."""
    parts = [_HEAD]
    for chapter in chapters:
        parts.append(f"## {chapter.title}\n\n{chapter.words}\n")
        parts += [_scene(scene, pictures) for scene in chapter.scenes]
    return "\n".join(parts)


def _scene(scene: Scene, pictures: Path) -> str:
    shown = []
    for size, width in (("phone", 210), ("laptop", 560)):
        path = pictures / f"{scene.picture}-{size}.webp"
        if not path.exists():
            raise FileNotFoundError(path)
        shown.append(f'<img src="pictures/{path.name}" width="{width}" alt="{scene.title}, on a {size}">')
    return f"### {scene.title}\n\n{scene.words}\n\n{shown[0]} {shown[1]}\n"
