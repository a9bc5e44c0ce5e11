"""What the asking organisation hears of its request: taken in charge, first results, opinion available (`DOMAIN.md` §4.8).

Administrative words only, no link of anybody's, no name of the insured. Each stage is told once, to the address that the
organisation gave; where it gave none nothing is queued, and its page says so.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from telecontrol.controls.zones import PARIS
from telecontrol.notify.contexts import RequesterStatus
from telecontrol.notify.messages import MAIL, check
from telecontrol.outbox.intents import enqueue
from telecontrol.scheduling.deadlines import next_open_instant
from telecontrol.scheduling.dossier import Dossier
from telecontrol.scheduling.message_facts import letterhead
from telecontrol.scheduling.operator import Operator
from telecontrol.scheduling.telling import USEFUL_AFTER


class Stage(StrEnum):
    TAKEN_IN_CHARGE = "taken_in_charge"
    """Somebody of the desk booked the control's first appointment."""
    FIRST_RESULTS = "first_results"
    """An appointment was concluded, and the control goes on."""
    OPINION_AVAILABLE = "opinion_available"


async def tell_requester(
    session: AsyncSession, operator: Operator, dossier: Dossier, stage: Stage, *, result: str = "", now: datetime
) -> None:
    """Queue the stage, in the transaction that reaches it. `result` is left out where the procedure does not let the requester
    hear it."""
    organisation, control = dossier.organisation, dossier.control
    if not organisation.email:
        return
    context = RequesterStatus(
        # The requester is answered by whoever runs the service, not sent to its own telephone.
        **{**letterhead(operator, dossier), "support_phone": operator.phone},
        stage=stage,
        reference=control.reference,
        external_reference=control.external_reference,
        occurred_at=now,
        zone=PARIS,
        result=result if dossier.rules.requester_told else "",
    )
    check(context, channels=(MAIL,), language="fr")
    leaves = next_open_instant(now, ZoneInfo(PARIS))
    await enqueue(
        session,
        sealer=operator.messages,
        target=MAIL,
        subject_kind=f"request_{stage}",
        subject_id=control.id,
        version=1,
        kind=context.KIND,
        channel=MAIL,
        recipient=organisation.email,
        language="fr",
        context=context.to_json(),
        now=now,
        not_before=leaves,
        not_after=leaves + USEFUL_AFTER,
        deadline_at=leaves + USEFUL_AFTER,
        organisation_id=control.organisation_id,
        control_id=control.id,
    )
