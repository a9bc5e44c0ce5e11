"""Who the demonstration is about: parties, doctors, sites, insured. All of them are imaginary."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time

from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.accounts.models import Insurer, Organisation, Role, StaffUser
from telecontrol.accounts.staff import add_user
from telecontrol.controls.models import Doctor, DoctorApproval, Procedure
from telecontrol.controls.policies import Mode, seed_policies
from telecontrol.controls.request_data import NewControl, NewInsured
from telecontrol.db.journal import SERVICE
from telecontrol.scheduling.models import ConsultingRoom, OpeningRange, Site, SiteHours

PASSWORD = "vitrine-ouverte-2026"  # noqa: S105  (printed on the terminal: the demonstration's only secret)

_DOCTORS = (
    ("10100000016", "Faure", "Hélène", "helene.faure@medecins.demo.example"),
    ("10100000024", "Lenoir", "Marc", "marc.lenoir@medecins.demo.example"),
    ("10100000032", "Benali", "Inès", "ines.benali@medecins.demo.example"),
)
_SITES = (
    ("LYON", "Centre Part-Dieu", "12 rue du Lac", "69003", "Lyon", ["69", "01", "38"], ("Salle 1", "Salle 2")),
    ("VILL", "Maison de santé Gratte-Ciel", "4 avenue Henri-Barbusse", "69100", "Villeurbanne", ["69"], ("Cabinet A",)),
)
_NAMES = (
    ("Moreau", "Camille"), ("Petit", "Julien"), ("Roussel", "Nadia"), ("Garnier", "Thomas"), ("Chevalier", "Léa"),
    ("Fontaine", "Hugo"), ("Da Silva", "Maria"), ("Lambert", "Sophie"), ("Nguyen", "Minh"), ("Girard", "Élodie"),
    ("Boyer", "Antoine"), ("Haddad", "Karim"), ("Perrin", "Claire"), ("Marchand", "Paul"), ("Colin", "Manon"),
    ("Renard", "Victor"), ("Barbier", "Inès"), ("Arnaud", "Denis"), ("Payet", "Océane"), ("Schmitt", "Laura"),
    ("Leroux", "Mathis"), ("Gauthier", "Anne"), ("Adam", "Sarah"), ("Masson", "Yves"), ("Picard", "Jade"),
    ("Vasseur", "Rémi"), ("Lemaire", "Aïcha"), ("Poulain", "Chloé"),
)  # fmt: skip


@dataclass(slots=True)
class Cast:
    """The rows that the story is told with."""

    fund: Organisation
    town: Organisation
    insurer: Insurer
    handler: StaffUser
    administrator: StaffUser
    doctors: list[Doctor]
    doctor_users: list[StaffUser]
    sites: list[Site]


async def add_cast(session: AsyncSession, *, now: datetime) -> Cast:
    """Two organisations, an insurer, two sites, three doctors and the staff, as they stood at `now` (aware)."""
    await seed_policies(session, valid_from_on=date(2026, 1, 1))
    fund = Organisation(
        code="cpam-69",
        name="CPAM du Rhône",
        mandate="Votre caisse d'assurance maladie nous a chargés d'organiser ce rendez-vous.",
        mandate_en="Your health insurance fund has asked us to arrange this appointment.",
        created_at=now,
    )
    town = Organisation(
        code="villeneuve",
        name="Ville de Villeneuve-sur-Saône",
        mandate="Votre employeur, la Ville de Villeneuve-sur-Saône, nous a chargés d'organiser ce rendez-vous.",
        mandate_en="Your employer, the town of Villeneuve-sur-Saône, has asked us to arrange this appointment.",
        accent_colour="#6b3fa0",
        created_at=now,
    )
    insurer = Insurer(code="service-medical-69", name="Service médical du Rhône", created_at=now)
    session.add_all([fund, town, insurer])
    await session.flush()
    sites = [await _site(session, *values) for values in _SITES]
    handler = await _user(session, "gestion@demo.example", "Agathe Vidal", Role.HANDLER, now=now)
    administrator = await _user(session, "admin@demo.example", "Bruno Costa", Role.ADMINISTRATOR, now=now)
    doctors, users = [], []
    for rpps, family_name, given_name, email in _DOCTORS:
        user = await _user(
            session, f"{given_name}.{family_name}@demo.example", f"Dr {given_name} {family_name}", Role.DOCTOR, now=now
        )
        doctor = Doctor(rpps=rpps, family_name=family_name, given_name=given_name, email=email, user_id=user.id)
        session.add(doctor)
        await session.flush()
        _open_agenda(session, doctor, sites)
        doctors.append(doctor)
        users.append(user)
    await session.flush()
    return Cast(fund, town, insurer, handler, administrator, doctors, users, sites)


def request_number(number: int, *, today: date, procedure: Procedure = Procedure.A, **insured: str) -> NewControl:
    """The n-th imaginary request: a leave under way, a person with an e-mail address and a mobile."""
    family_name, given_name = _NAMES[number % len(_NAMES)]
    given = {
        "email": f"assure{number:02d}@boite.demo.example",
        "phone": f"+3363998{number:04d}",
        "postcode": "69003",
        "city": "Lyon",
        **insured,
    }
    return NewControl(
        external_reference=f"{today:%Y}-{4100 + number}",
        procedure=procedure,
        insured=NewInsured(
            external_reference=f"A-{70400 + number}",
            family_name=family_name,
            given_name=given_name,
            birth_on=date(1964 + number, 1 + number % 12, 1 + (7 * number) % 28),
            address=f"{3 + number} rue des Tilleuls",
            **given,
        ),
        leave_starts_on=date.fromordinal(today.toordinal() - 12),
        leave_ends_on=date.fromordinal(today.toordinal() + 24),
        prescriber_name="Dr Blanc",
    )


async def _site(
    session: AsyncSession,
    code: str,
    name: str,
    address: str,
    postcode: str,
    city: str,
    departments: list[str],
    rooms: tuple[str, ...],
) -> Site:
    site = Site(
        code=code,
        name=name,
        address=address,
        postcode=postcode,
        city=city,
        departments=departments,
        access="Accès de plain-pied, ascenseur jusqu'au deuxième étage.",
        phone="+33472000000",
    )
    session.add(site)
    await session.flush()
    session.add_all([ConsultingRoom(site_id=site.id, name=room) for room in rooms])
    session.add_all(
        [SiteHours(site_id=site.id, weekday=weekday, opens=time(8), closes=time(18)) for weekday in range(5)]
    )
    return site


def _open_agenda(session: AsyncSession, doctor: Doctor, sites: list[Site]) -> None:
    """Video every working day, in person on Tuesday and Thursday afternoons besides."""
    for procedure in Procedure:
        session.add(DoctorApproval(doctor_id=doctor.id, procedure=procedure, valid_from_on=date(2024, 1, 1)))
    for weekday in range(5):
        for opens, closes in ((time(8), time(12, 30)), (time(13, 30), time(18))):
            session.add(OpeningRange(doctor_id=doctor.id, weekday=weekday, opens=opens, closes=closes, mode=Mode.VIDEO))
        if weekday in (1, 3):
            for site in sites:
                session.add(
                    OpeningRange(
                        doctor_id=doctor.id,
                        weekday=weekday,
                        opens=time(13, 30),
                        closes=time(18),
                        mode=Mode.SURGERY,
                        site_id=site.id,
                    )
                )


async def _user(session: AsyncSession, email: str, name: str, role: Role, *, now: datetime) -> StaffUser:
    plain = email.lower().replace("é", "e").replace("è", "e").replace("ê", "e")
    return await add_user(session, email=plain, display_name=name, role=role, password=PASSWORD, actor=SERVICE, now=now)
