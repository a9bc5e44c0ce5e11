"""The facts that messages about an appointment carry, from its dossier: plain values for `notify.contexts`."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.accounts.links import link_url, mint_link
from telecontrol.accounts.models import LinkPurpose
from telecontrol.notify.contexts import Letterhead
from telecontrol.scheduling.dossier import Dossier
from telecontrol.scheduling.models import Appointment
from telecontrol.scheduling.operator import Operator


def letterhead(operator: Operator, dossier: Dossier) -> dict[str, Any]:
    return {
        "organisation": dossier.organisation.name,
        "operator": operator.name,
        "mail_from": operator.mail_from,
        "contact": operator.contact_email,
        "support_phone": dossier.organisation.phone or operator.phone,
        "accent": dossier.organisation.accent_colour,
    }


async def facts_for_insured(
    session: AsyncSession, operator: Operator, dossier: Dossier, *, channel: str, now: datetime
) -> dict[str, Any]:
    """Facts of the appointment with fresh links: each message has its own, and those of older messages still work.

    `channel` is the one it leaves by: a link remembers it, and only an e-mail has a calendar part with a link that shows.
    """
    appointment, insured = dossier.appointment, dossier.insured
    expires_at = appointment.ends_at + timedelta(days=dossier.rules.link_days_after)

    async def link(purpose: LinkPurpose) -> str:
        token = await mint_link(
            session,
            appointment_id=appointment.id,
            insured_id=appointment.insured_id,
            control_id=appointment.control_id,
            purpose=purpose,
            now=now,
            expires_at=expires_at,
            channel=channel,
        )
        return link_url(operator.public_url, token)

    return {
        "mandate": mandate_of(dossier),
        "reference": dossier.control.reference,
        "check_url": f"{operator.public_url}/genuine",
        "privacy_url": f"{operator.public_url}/privacy",
        "link": await link(LinkPurpose.ACT),
        "view_link": await link(LinkPurpose.VIEW) if channel == "mail" else "",
        "starts_at": appointment.starts_at,
        "zone": appointment.zone,
        "duration_minutes": minutes_of(appointment),
        "mode": str(appointment.mode),
        "doctor": dossier.doctor.name,
        "doctor_zone": dossier.doctor.zone,
        "ics_uid": f"{appointment.id}@telecontrol",
        "ics_sequence": appointment.version - 1,
        "reached_by": "" if insured.email and insured.phone else "mail" if insured.email else "sms",
    }


def mandate_of(dossier: Dossier) -> str:
    """On whose behalf the person is called, in their language where the organisation wrote it."""
    organisation = dossier.organisation
    return (organisation.mandate_en if dossier.insured.language == "en" else "") or organisation.mandate


def place_of(dossier: Dossier, kind: type[Letterhead]) -> dict[str, Any]:
    site = dossier.site
    if site is None:
        return {}
    known = {
        "site_name": site.name,
        "site_address": f"{site.address}, {site.postcode} {site.city}",
        "site_access": site.access,
        "site_phone": site.phone,
    }
    taken = {field.name for field in fields(kind)}
    return {name: value for name, value in known.items() if name in taken}


def of_the_policy(operator: Operator, dossier: Dossier, kind: type[Letterhead]) -> dict[str, Any]:
    """What only some messages carry: the test page, how long before the hour the room opens."""
    known = {"test_url": f"{operator.public_url}/test", "join_opens_minutes": dossier.rules.join_opens_minutes}
    taken = {field.name for field in fields(kind)}
    return {name: value for name, value in known.items() if name in taken}


def minutes_of(appointment: Appointment) -> int:
    return int((appointment.ends_at - appointment.starts_at).total_seconds() // 60)
