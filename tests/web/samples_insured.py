"""Pages of the insured, in every state."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from telecontrol.scheduling.models import CompanionRole
from telecontrol.scheduling.preparations import BY_VIDEO, IN_PERSON, InterpreterLanguage
from telecontrol.web.pages.insured.proofs import Earlier
from telecontrol.web.pages.insured.survey import FAVOURABLE, SATISFACTION
from tests.web.samples_frame import NOW, PARIS, REUNION, public

START = datetime(2026, 3, 24, 6, 0, tzinfo=UTC)
NEAR = START - timedelta(minutes=9)
LATER = START + timedelta(hours=2)
REFERENCE = "TC-7KQ2-M4XD"
PERSON = "Inès Payet"
DOCTOR = "Dr Alain Fontaine"
MANDATE = "L'Assurance maladie des Mascareignes vous invite à un rendez-vous avec un médecin-conseil, dans le cadre du contrôle de votre arrêt de travail."
WHEN = {"mode": "video", "starts_at": START, "zone": REUNION, "duration_minutes": 20, "doctor": DOCTOR}
SITE = {
    "name": "Centre médical du Barachois",
    "address": "12 rue de Nice",
    "postcode": "97400",
    "city": "Saint-Denis",
    "access": "Arrêt Barachois, lignes 5 et 12. Entrée de plain-pied, ascenseur.",
    "phone": "+262 262 00 00 00",
    "hours": [{"name": "Du lundi au vendredi", "value": "8 h – 12 h, 13 h 30 – 17 h"}],
}
CHOICES = [
    {
        "value": f"s{number}",
        "starts_at": START + timedelta(days=days, hours=hours),
        "zone": REUNION,
        "site": site,
        "address": address,
        "distance": far,
    }
    for number, (days, hours, site, address, far) in enumerate(
        [
            (3, 1, "Centre médical du Barachois", "12 rue de Nice, 97400 Saint-Denis", "même commune"),
            (3, 3, "Centre médical du Barachois", "12 rue de Nice, 97400 Saint-Denis", "même commune"),
            (6, 2, "Cabinet du Port", "4 avenue Raymond-Mondon, 97420 Le Port", ""),
        ]
    )
]
DAYS = [
    {
        "day": date(2026, 3, 25 + index),
        "hours": [
            {
                "value": f"{index}-{hour}",
                "starts_at": datetime(2026, 3, 25 + index, hour, 20 * (hour % 3), tzinfo=UTC),
                "zone": REUNION,
            }
            for hour in range(5, 5 + count)
        ],
    }
    for index, count in enumerate([3, 5, 2])
]


ASKED = {
    "survey_of": "7a2c1f4e-0f4b-4a39-9a53-3f1f4f8f7c11",
    "survey_given": {"favourable": "", "satisfaction": "", "remark": ""},
    "survey_errors": {},
    "survey_choices": {
        "favourable": [{"value": str(code), "name": name} for code, name in FAVOURABLE.items()],
        "satisfaction": [{"value": str(level), "name": name} for level, name in SATISFACTION.items()],
        "longest": 500,
    },
}
EARLIER = [Earlier(START - timedelta(days=9), REUNION, "/r/receipt?of=1", "/r/survey?of=1")]


def companion(**changes: Any) -> dict[str, Any]:
    values = {
        "appointment": {"starts_at": START, "zone": REUNION},
        "action": "/with/0123456789abcdefghijkl0123456789abcdefghijkl",
        "opens_at": START - timedelta(minutes=15),
        "is_open": False,
        "companion_name": "",
        "error": "",
    }
    return public(**{**values, **changes})


def home(**changes: Any) -> dict[str, Any]:
    values = {
        "mandate": MANDATE,
        "person": PERSON,
        "reference": REFERENCE,
        "appointment": WHEN,
        "opens_at": START - timedelta(minutes=15),
        "is_open": False,
        "is_in_call": False,
        "waiting_minutes": 15,
        "can_act": True,
        "can_decline": True,
        "can_say_absent": True,
        "can_change_hour": True,
        "companion_link": "",
        "is_absence_announced": False,
        "is_kept": False,
        "device": "untested",
        "tested_at": NOW - timedelta(days=1),
        "can_prepare": True,
        "has_place": False,
        "prepared": None,
        "notices": [],
    }
    return public(**{**values, **changes})


def prepare(**changes: Any) -> dict[str, Any]:
    values = {
        "appointment": WHEN,
        "is_video": True,
        "is_prepared": False,
        "documents": False,
        "quiet_place": False,
        "needs": [],
        "needs_offered": [str(need) for need in BY_VIDEO],
        "spoken": "",
        "interpreter": "",
        "interpreters": [str(each) for each in InterpreterLanguage],
        "companion": {"name": "", "role": ""},
        "roles": [str(role) for role in CompanionRole],
        "has_place": True,
        "error": "",
    }
    return public(**{**values, **changes})


def code(**changes: Any) -> dict[str, Any]:
    values = {
        "appointment": WHEN,
        "channel": "sms",
        "recipient": "•• •• •• •• 34",
        "is_blocked": False,
        "has_one_channel": False,
        "expires_at": None,
        "may_send_again": False,
        "again_at": None,
        "error": "",
        "tries_left": None,
        "typed": "",
    }
    return public(**{**values, **changes})


def birth_date(**changes: Any) -> dict[str, Any]:
    values = {
        "appointment": WHEN,
        "tries_left": None,
        "error": "",
        "day": "",
        "month": "",
        "year": "",
        "is_blocked": False,
    }
    return public(**{**values, **changes})


def call(**changes: Any) -> dict[str, Any]:
    values = {
        "appointment": WHEN,
        "stage": "waiting",
        "since_at": NEAR - timedelta(minutes=4),
        "delay_minutes": None,
        "call": {"role": "insured"},
    }
    return public(**{"now": NEAR, **values, **changes})


def after(**changes: Any) -> dict[str, Any]:
    values = {
        "person": PERSON,
        "reference": REFERENCE,
        "appointment": WHEN,
        "outcome": "attended",
        "attendance": {"arrived_at": NEAR, "left_at": START + timedelta(minutes=18)},
        "conclusion": {
            "title": "Arrêt justifié",
            "text": "Le médecin estime que votre arrêt de travail est justifié à la date du contrôle. Vous n'avez rien à faire.",
        },
        "steps": [
            "Rien ne change pour vous : votre arrêt de travail se poursuit comme prévu.",
            "Vous n'avez rien à faire.",
        ],
        "rights": ["Vous pouvez demander à votre organisme le résultat écrit de ce contrôle."],
        "survey": "open",
        **ASKED,
    }
    return public(**{"now": LATER, **values, **changes})


def survey(**changes: Any) -> dict[str, Any]:
    return public(**{"now": LATER, "path": "/r/survey", "appointment": WHEN, "survey": "open", **ASKED, **changes})


def declined(**changes: Any) -> dict[str, Any]:
    values = {
        "reference": REFERENCE,
        "appointment": WHEN,
        "declined_at": NOW,
        "can_undo": True,
        "hold_until": NOW + timedelta(minutes=29),
        "choices": CHOICES,
        "error": "",
    }
    return public(**{**values, **changes})


def in_person(**changes: Any) -> dict[str, Any]:
    values = {
        "person": PERSON,
        "mandate": MANDATE,
        "reference": REFERENCE,
        "notices": [{"tone": "success", "text": "Votre rendez-vous sur place est réservé."}],
        "appointment": {**WHEN, "mode": "surgery", "duration_minutes": 30},
        "site": SITE,
        "can_act": True,
        "can_say_absent": True,
        "is_absence_announced": False,
        "is_kept": False,
        "can_prepare": True,
        "prepared": None,
    }
    return public(**{**values, **changes})


def lost_link(**changes: Any) -> dict[str, Any]:
    return public(**{"is_sent": False, "phone": "", "day": "", "month": "", "year": "", "error": "", **changes})


def genuine(**changes: Any) -> dict[str, Any]:
    senders = {"mail": "rendez-vous@telecontrol.example", "sms": "RDV-INFO"}
    return public(
        **{"domain": "rdv.telecontrol.example", "senders": senders, "reference": "", "answer": None, **changes}
    )


def error(status: int, code: str, retry_after: int | None = None) -> dict[str, Any]:
    return public(status=status, code=code, retry_after=retry_after)


REASONS = ["care_appointment", "travel", "no_equipment", "other_obligation", "back_at_work", "other"]
CANNOT: dict[str, Any] = {"appointment": WHEN, "reasons": REASONS, "chosen": "", "error": "", "can_decline": True}
KNOWN = {"is_known": True, "organisation": "Assurance maladie des Mascareignes", "day": date(2026, 3, 24)}

PAGES: dict[str, tuple[str, dict[str, Any]]] = {
    "insured/welcome": ("insured/welcome.html", public(organisation="Télécontrôle")),
    "insured/gate": ("insured/gate.html", public(action="/i/x", appointment=WHEN, is_over=False, asks_code=False)),
    "insured/gate_over": (
        "insured/gate.html",
        public(action="/i/x", appointment=WHEN, is_over=True, asks_code=True, now=LATER),
    ),
    "insured/birth_date": ("insured/birth_date.html", birth_date()),
    "insured/birth_date_wrong": (
        "insured/birth_date.html",
        birth_date(tries_left=2, error="wrong", day="12", month="5", year="1984"),
    ),
    "insured/birth_date_one_left": (
        "insured/birth_date.html",
        birth_date(tries_left=1, error="wrong", day="12", month="5", year="1984"),
    ),
    "insured/birth_date_not_a_date": (
        "insured/birth_date.html",
        birth_date(error="not_a_date", day="31", month="2", year="1984"),
    ),
    "insured/birth_date_blocked": ("insured/birth_date.html", birth_date(is_blocked=True, tries_left=0)),
    "insured/before": ("insured/home.html", home()),
    "insured/before_tested": ("insured/home.html", home(device="ready", can_change_hour=False)),
    "insured/before_absent": ("insured/home.html", home(is_absence_announced=True, device="microphone_silent")),
    "insured/before_prepared": (
        "insured/home.html",
        home(
            device="relay_only",
            is_kept=True,
            has_place=True,
            prepared={
                "documents": True,
                "quiet_place": True,
                "needs": ["speak_slowly", "written_too"],
                "language": "en",
                "interpreter": "fsl",
                "companion": "Marie-Ange Payet",
            },
        ),
    ),
    "insured/prepare": ("insured/prepare.html", prepare()),
    "insured/prepare_two_seats": (
        "insured/prepare.html",
        prepare(has_place=False, is_prepared=True, documents=True, needs=["breaks"], spoken="en", interpreter="fsl"),
    ),
    "insured/prepare_incomplete": (
        "insured/prepare.html",
        prepare(error="role_missing", companion={"name": "Marie-Ange Payet", "role": ""}),
    ),
    "insured/prepare_in_person": (
        "insured/prepare.html",
        prepare(
            is_video=False,
            needs_offered=[str(need) for need in IN_PERSON],
            error="name_unreadable",
            companion={"name": "06 12", "role": "relative"},
        ),
    ),
    "insured/code": ("insured/code.html", code()),
    "insured/code_by_mail": ("insured/code.html", code(channel="mail", recipient="i•••@exemple.fr", error="expired")),
    "insured/code_sent": (
        "insured/code.html",
        code(expires_at=NOW + timedelta(minutes=9), again_at=NOW + timedelta(minutes=1)),
    ),
    "insured/code_wrong": (
        "insured/code.html",
        code(expires_at=NOW + timedelta(minutes=8), may_send_again=True, error="wrong", tries_left=1, typed="123456"),
    ),
    "insured/code_blocked": ("insured/code.html", code(is_blocked=True)),
    "insured/code_one_channel": ("insured/code.html", code(is_blocked=True, has_one_channel=True, channel="")),
    "insured/before_view_only": (
        "insured/home.html",
        home(can_act=False, can_decline=False, can_say_absent=False, can_change_hour=False),
    ),
    "insured/near": ("insured/home.html", home(is_open=True, now=NEAR, can_change_hour=False, device="ready")),
    "insured/in_call_outside": (
        "insured/home.html",
        home(is_open=True, is_in_call=True, now=NEAR, can_decline=False, can_say_absent=False, can_change_hour=False),
    ),
    "insured/home_companion": (
        "insured/home.html",
        home(companion_link="https://rdv.example/with/0123456789abcdefghijkl0123456789abcdefghijkl"),
    ),
    "companion/door": ("companion/door.html", companion()),
    "companion/door_open": ("companion/door.html", companion(is_open=True)),
    "companion/door_unreadable": (
        "companion/door.html",
        companion(is_open=True, companion_name="06 12", error="name_unreadable"),
    ),
    "companion/call": ("companion/call.html", companion(call={"call": "", "call-role": "insured"})),
    "insured/waiting": ("insured/call.html", call()),
    "insured/waiting_delay": ("insured/call.html", call(delay_minutes=10)),
    "insured/in_call": ("insured/call.html", call(stage="in_call")),
    "insured/test": (
        "insured/test.html",
        public(test={"phone": "x"}, last=None, back_href="/", is_kept=False, is_public=True),
    ),
    "insured/test_again": (
        "insured/test.html",
        public(
            test={"phone": "x"},
            last={"finding": "sound_only", "at": NOW, "zone": REUNION},
            back_href="/r",
            is_kept=True,
            is_public=False,
        ),
    ),
    "insured/after": ("insured/after.html", after()),
    "insured/after_done": ("insured/after.html", after(survey="done", rights=[], conclusion=None)),
    "insured/after_technical": ("insured/after.html", after(outcome="technical", conclusion=None, survey="none")),
    "insured/after_not_held": ("insured/after.html", after(outcome="not_held", attendance=None, survey="none")),
    "insured/after_not_met": ("insured/after.html", after(outcome="not_met", conclusion=None, survey="none")),
    "insured/after_over": ("insured/after.html", after(outcome="over", survey="none")),
    "insured/after_no_conclusion": (
        "insured/after.html",
        after(outcome="no_conclusion", conclusion=None, earlier=EARLIER),
    ),
    "insured/after_absent": (
        "insured/after.html",
        after(outcome="not_attended", attendance=None, conclusion=None, survey="none"),
    ),
    "insured/survey": ("insured/survey.html", survey()),
    "insured/survey_refused": (
        "insured/survey.html",
        survey(
            survey_given={"favourable": "yes", "satisfaction": "4", "remark": "J'étais stressée."},
            survey_errors={"remark": "Choisissez une réponse.", "favourable": "Choisissez une réponse."},
        ),
    ),
    "insured/survey_done": ("insured/survey.html", survey(survey="done")),
    "insured/survey_view_only": ("insured/survey.html", survey(survey="none")),
    "insured/receipt": (
        "insured/receipt.html",
        public(
            person=PERSON,
            reference=REFERENCE,
            appointment=WHEN,
            attendance={"arrived_at": NEAR, "left_at": None},
            place=None,
            issued_at=LATER,
            operator_name="Télécontrôle",
        ),
    ),
    "insured/decline_confirm": (
        "insured/decline_confirm.html",
        public(appointment=WHEN, grace_minutes=30, is_grace_until_start=False),
    ),
    "insured/decline_confirm_near": (
        "insured/decline_confirm.html",
        public(appointment=WHEN, grace_minutes=9, is_grace_until_start=True),
    ),
    "insured/declined": ("insured/declined.html", declined()),
    "insured/declined_taken": ("insured/declined.html", declined(error="taken", hold_until=None)),
    "insured/declined_wait": ("insured/declined.html", declined(choices=[], can_undo=False)),
    "insured/cannot_come": ("insured/cannot_come.html", public(**CANNOT)),
    "insured/cannot_come_missing": (
        "insured/cannot_come.html",
        public(**{**CANNOT, "error": "missing", "can_decline": False}),
    ),
    "insured/cannot_come_done": (
        "insured/cannot_come_done.html",
        public(reference=REFERENCE, appointment=WHEN, announced_at=NOW, reason="travel", can_undo=True),
    ),
    "insured/other_hour": ("insured/other_hour.html", public(appointment=WHEN, days=DAYS, chosen="", error="")),
    "insured/other_hour_taken": (
        "insured/other_hour.html",
        public(appointment=WHEN, days=DAYS, chosen="1-6", error="taken"),
    ),
    "insured/other_hour_none": ("insured/other_hour.html", public(appointment=WHEN, days=[], chosen="", error="")),
    "insured/in_person": ("insured/in_person.html", in_person()),
    "insured/in_person_absent": ("insured/in_person.html", in_person(is_absence_announced=True, notices=[])),
    "insured/home_visit": (
        "insured/in_person.html",
        in_person(site=None, appointment={**WHEN, "mode": "home"}, notices=[], can_say_absent=False),
    ),
    "insured/moved": (
        "insured/moved.html",
        public(old=WHEN, appointment={**WHEN, "starts_at": START + timedelta(days=1, hours=3)}),
    ),
    "insured/cancelled": (
        "insured/cancelled.html",
        public(appointment=WHEN, will_be_rebooked=True, is_excused=False, reference=REFERENCE),
    ),
    "insured/cancelled_excused": (
        "insured/cancelled.html",
        public(appointment=WHEN, will_be_rebooked=True, is_excused=True, reference=REFERENCE),
    ),
    "insured/cancelled_for_good": (
        "insured/cancelled.html",
        public(appointment=WHEN, will_be_rebooked=False, is_excused=False, reference=REFERENCE),
    ),
    "insured/released": (
        "insured/released.html",
        public(appointment=WHEN, reference=REFERENCE, has_both_channels=True),
    ),
    "insured/expired": ("insured/expired.html", public()),
    "insured/unknown_link": ("insured/unknown_link.html", public(organisation="Télécontrôle")),
    "insured/lost_link": ("insured/lost_link.html", lost_link()),
    "insured/lost_link_wrong": (
        "insured/lost_link.html",
        lost_link(phone="06 12", error="not_a_phone", day="1", month="2", year="1980"),
    ),
    "insured/lost_link_too_many": ("insured/lost_link.html", lost_link(error="too_many")),
    "insured/lost_link_sent": ("insured/lost_link.html", lost_link(is_sent=True)),
    "insured/genuine": ("insured/genuine.html", genuine()),
    "insured/genuine_known": ("insured/genuine.html", genuine(reference=REFERENCE, answer=KNOWN)),
    "insured/genuine_unknown": (
        "insured/genuine.html",
        genuine(reference="TC-0000-0000", answer={"is_known": False, "organisation": "", "day": None}),
    ),
    "insured/privacy": ("insured/privacy.html", public(operator_name="Télécontrôle")),
    "insured/accessibility": ("insured/accessibility.html", public()),
    "insured/gate_paris": (
        "insured/gate.html",
        public(
            action="/i/x",
            appointment={**WHEN, "zone": PARIS},
            is_over=False,
            asks_code=False,
            organisation="Centre hospitalier intercommunal de Montfort",
        ),
    ),
    "insured/stale_form": (
        "insured/stale_form.html",
        public(action="/r/cannot-come", fields=[{"name": "reason", "value": "travel"}]),
    ),
    "public/error_404": ("public/error.html", error(404, "not_found")),
    "public/error_403": ("public/error.html", error(403, "forbidden")),
    "public/error_stale": ("public/error.html", error(403, "stale_form")),
    "public/error_409": ("public/error.html", error(409, "conflict")),
    "public/error_422": ("public/error.html", error(422, "invalid_input")),
    "public/error_429": ("public/error.html", error(429, "too_many_attempts", 700)),
    "public/error_500": ("public/error.html", error(500, "internal_error")),
    "public/error_503": ("public/error.html", error(503, "unavailable", 30)),
}
