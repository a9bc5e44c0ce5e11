"""A small believable world: an organisation, an insurer, doctors, a site, a control to book. 2 March 2026 is a Monday."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.accounts.models import Insurer, Organisation, Role, StaffUser
from telecontrol.controls.models import Control, Doctor, DoctorApproval, Insured, Procedure
from telecontrol.controls.policies import Mode, current_policy, seed_policies
from telecontrol.controls.states import ControlState
from telecontrol.db.journal import Actor, ActorKind
from telecontrol.db.sealing import Sealer
from telecontrol.scheduling.models import ConsultingRoom, OpeningRange, Site, SiteHours
from telecontrol.scheduling.operator import Operator

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
HANDLER = Actor(ActorKind.STAFF, str(uuid.UUID(int=7)), "handler")
INSURED = Actor(ActorKind.INSURED, str(uuid.UUID(int=8)), "insured")


def operator(public_url: str = "http://127.0.0.1:8000") -> Operator:
    sealer = Sealer({"test": bytes(range(32))}, purpose="messages")
    return Operator(
        name="Télécontrôle Test",
        public_url=public_url,
        phone="+33 1 84 80 00 00",
        contact_email="contact@telecontrol.example",
        mail_from="rendez-vous@telecontrol.example",
        messages=sealer,
        notes=sealer.for_purpose("notes"),
    )


@dataclass(slots=True)
class World:
    organisation: Organisation
    insurer: Insurer
    site: Site
    room: ConsultingRoom
    doctor: Doctor
    other_doctor: Doctor
    doctor_user: StaffUser
    handler: StaffUser
    control: Control
    insured: Insured


async def make_world(session: AsyncSession, *, zone: str = "Europe/Paris") -> World:
    """Two doctors open Monday to Friday 08:00–12:00 and 14:00–18:00 local, by video and at one site of one room."""
    await seed_policies(session, valid_from_on=date(2026, 1, 1))
    organisation = Organisation(
        code="cpam-test", name="Caisse de Test", mandate="Votre caisse d'assurance maladie", created_at=NOW
    )
    insurer = Insurer(code="ins-test", name="Assureur de Test", created_at=NOW)
    site = Site(code="lyon", name="Centre Part-Dieu", address="1 rue de la Paix", postcode="69003", city="Lyon")
    session.add_all([organisation, insurer, site])
    await session.flush()
    room = ConsultingRoom(site_id=site.id, name="Salle 1")
    session.add(room)
    handler = _user("gestion@test.example", Role.HANDLER)
    doctor_user = _user("medecin@test.example", Role.DOCTOR)
    session.add_all([handler, doctor_user])
    await session.flush()
    for weekday in range(5):
        session.add(SiteHours(site_id=site.id, weekday=weekday, opens=time(8), closes=time(18)))
    doctor = await make_doctor(session, "10000000001", site=site, user_id=doctor_user.id)
    other = await make_doctor(session, "10000000019", site=site, given_name="Benoît")
    control = await make_control(session, organisation=organisation, insurer=insurer, zone=zone)
    return World(organisation, insurer, site, room, doctor, other, doctor_user, handler, control, control.insured)


def _user(email: str, role: Role) -> StaffUser:
    return StaffUser(email=email, display_name=email, role=role, password_hash="!", created_at=NOW)


async def make_doctor(
    session: AsyncSession,
    rpps: str,
    *,
    site: Site,
    given_name: str = "Alice",
    zone: str = "Europe/Paris",
    **values: Any,
) -> Doctor:
    doctor = Doctor(
        rpps=rpps, family_name="Martin", given_name=given_name, email=f"{rpps}@test.example", zone=zone, **values
    )
    session.add(doctor)
    await session.flush()
    for procedure in Procedure:
        session.add(DoctorApproval(doctor_id=doctor.id, procedure=procedure, valid_from_on=date(2020, 1, 1)))
    for weekday in range(5):
        for opens, closes in ((time(8), time(12)), (time(14), time(18))):
            for mode, site_id in ((Mode.VIDEO, None), (Mode.SURGERY, site.id)):
                session.add(
                    OpeningRange(
                        doctor_id=doctor.id, weekday=weekday, opens=opens, closes=closes, mode=mode, site_id=site_id
                    )
                )
    await session.flush()
    return doctor


async def make_control(
    session: AsyncSession,
    *,
    organisation: Organisation,
    insurer: Insurer,
    number: int = 1,
    zone: str = "Europe/Paris",
    procedure: Procedure = Procedure.A,
    **insured_values: Any,
) -> Control:
    insured = Insured(
        **{
            "organisation_id": organisation.id,
            "external_reference": f"ASS-{number}",
            "family_name": "Durand",
            "given_name": f"Camille {number}",
            "search_name": f"camille durand {number}",
            "birth_on": date(1985, 5, 17),
            "email": f"camille{number}@example.org",
            "phone": f"+3361234{number:04d}",
            "postcode": "69003",
            "city": "Lyon",
            "zone": zone,
            **insured_values,
        }
    )
    session.add(insured)
    await session.flush()
    policy = await current_policy(session, procedure, on=date(2026, 3, 2))
    control = Control(
        reference=f"TC-{number:04d}-TEST",
        external_reference=f"DEM-{number}",
        organisation_id=organisation.id,
        insurer_id=insurer.id,
        insured_id=insured.id,
        procedure=procedure,
        policy_id=policy.id,
        state=ControlState.TO_BOOK,
        leave_starts_on=date(2026, 2, 20),
        leave_ends_on=date(2026, 4, 30),
        requested_at=NOW,
        state_since_at=NOW,
    )
    control.insured, control.organisation, control.insurer, control.policy = insured, organisation, insurer, policy
    session.add(control)
    await session.flush()
    return control
