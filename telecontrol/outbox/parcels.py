"""Claimed intents made ready to leave: rendered once, sealed, weighed. Runs in a thread; touches no database."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from telecontrol import log
from telecontrol.db.sealing import Sealer
from telecontrol.errors import Unavailable
from telecontrol.outbox import fates
from telecontrol.outbox.claims import Claim
from telecontrol.outbox.contents import open_content, open_context, seal_content
from telecontrol.outbox.locks import AGAIN
from telecontrol.outbox.policy import SendingPolicy
from telecontrol.outbox.targets import Outgoing, Target

_log = log.get("outbox")


@dataclass(frozen=True, slots=True)
class Parcel:
    """Ready to be sent. `to_store` is the sealed content when no attempt has stored it yet."""

    claim: Claim
    outgoing: Outgoing
    content_hash: str
    to_store: bytes | None = field(repr=False)
    attempt_id: uuid.UUID = field(default_factory=uuid.uuid4)
    """Made here: a lost COMMIT is settled by reading it back."""


@dataclass(frozen=True, slots=True)
class Spoiled:
    """Cannot be made ready. `for_good` when trying again would fail the same way."""

    claim: Claim
    code: str
    for_good: bool


def pack_all(
    claims: Iterable[Claim], *, target: Target, sealer: Sealer, policy: SendingPolicy
) -> tuple[list[Parcel], list[Spoiled]]:
    """Make ready what can be; one poison message spoils nothing but itself."""
    parcels: list[Parcel] = []
    spoiled: list[Spoiled] = []
    for claim in claims:
        packed = pack(claim, target=target, sealer=sealer, policy=policy)
        if isinstance(packed, Parcel):
            parcels.append(packed)
        else:
            _log.warning("message spoiled", intent_id=str(claim.intent_id), code=packed.code)
            spoiled.append(packed)
    return parcels, spoiled


def pack(claim: Claim, *, target: Target, sealer: Sealer, policy: SendingPolicy) -> Parcel | Spoiled:
    """Open what is sealed, and render the bytes if no attempt has stored them."""
    try:
        outgoing = outgoing_of(claim, sealer)
    except Unavailable as error:
        # A key that this process lacks is a fault of ours that is put right, not a fault of the message.
        return Spoiled(claim, error.code, for_good=False)
    if claim.content_sealed is not None:
        return Parcel(claim, outgoing, claim.content_hash, to_store=None)
    try:
        content = target.prepare(outgoing)
        if len(content) > policy.largest_content:
            return Spoiled(claim, fates.TOO_LARGE, for_good=True)
    except Exception as error:  # noqa: BLE001  (whatever a template raises, it fails this one message)
        return Spoiled(claim, f"{fates.POISON}:{type(error).__name__}"[:80], for_good=True)
    stored = seal_content(claim.intent_id, content, sealer)
    return Parcel(claim, replace(outgoing, content=content), hashlib.sha256(content).hexdigest(), to_store=stored)


def outgoing_of(claim: Claim, sealer: Sealer) -> Outgoing:
    """The intent as its target sees it. Raises `Unavailable` when the sealed values do not open."""
    return Outgoing(
        intent_id=claim.intent_id,
        kind=claim.kind.removesuffix(AGAIN),
        channel=claim.channel,
        recipient=claim.recipient,
        language=claim.language,
        context=open_context(claim.intent_id, claim.context_sealed, sealer),
        not_after=claim.not_after,
        content=open_content(claim.intent_id, claim.content_sealed, sealer),
    )
