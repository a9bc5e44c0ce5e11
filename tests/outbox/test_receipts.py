"""What providers report later, in any order."""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from telecontrol.clock import VirtualClock
from telecontrol.db.session import Database
from telecontrol.outbox import fates, receipts
from telecontrol.outbox.models import Attempt, AttemptState, DeliveryState, Intent, Receipt
from telecontrol.outbox.receipts import Noted, delivery_of
from tests.outbox.conftest import Send, Settle
from tests.support.ledger import Entry, Ledger
from tests.support.mailing import count_of, intent_of, queue, write

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
WORDS = ["queued", "sending", "sent", "delivered", "undelivered", "failed", "delayed"]
RANK = ["unknown", "queued", "sent", "delivered", "undelivered", "failed"]
told = st.lists(st.tuples(st.sampled_from(["M1", "M2", ""]), st.sampled_from(WORDS)), max_size=8)


def expected(said: list[tuple[str, str]]) -> str:
    """By an independent reading of the rule: per message the furthest word, over messages a delivery wins."""
    words = {"sending": "queued", "delayed": "unknown"}
    furthest = []
    for message in {message for message, _ in said if message} or {""}:
        heard = [words.get(word, word) for one, word in said if one in {message, ""}]
        furthest.append(max(heard, key=RANK.index, default="unknown"))
    return "delivered" if "delivered" in furthest else max(furthest, key=RANK.index)


@given(said=told, seed=st.randoms(use_true_random=False))
def test_the_state_depends_on_what_was_told_and_not_on_the_order(said: list[tuple[str, str]], seed: object) -> None:
    """P10, as arithmetic."""
    rows = [(message, word, NOW + timedelta(minutes=n)) for n, (message, word) in enumerate(said)]
    shuffled = list(rows)
    seed.shuffle(shuffled)  # type: ignore[attr-defined]
    state, at = delivery_of(rows)
    assert (state, at) == delivery_of(shuffled) == delivery_of([*rows, *shuffled])
    assert state == expected(said)
    assert (at is None) == (not said)


@given(said=st.lists(st.sampled_from(WORDS), min_size=1, max_size=8))
def test_one_message_never_moves_back(said: list[str]) -> None:
    states = [delivery_of([("M1", word, NOW) for word in said[:n]])[0] for n in range(len(said) + 1)]
    ranks = [RANK.index(state) for state in states]
    assert ranks == sorted(ranks)


def test_since_when_a_state_is_known() -> None:
    rows = [
        ("M1", "sent", NOW),
        ("M1", "bounced", NOW + timedelta(hours=2)),
        ("M1", "bounced", NOW + timedelta(hours=1)),
    ]
    assert delivery_of(rows) == (DeliveryState.UNDELIVERED, NOW + timedelta(hours=1))


async def accepted(database: Database, now: datetime, provider_id: str) -> Intent:
    async with database.transaction() as session:
        intent = await write(session, now=now)
        session.add(
            Attempt(
                intent_id=intent.id,
                number=1,
                fence=1,
                started_at=now,
                state=AttemptState.ACCEPTED,
                provider_id=provider_id,
            )
        )
        await fates.accept(session, intent, provider_id=provider_id, at=now, now=now)
    return intent


async def tell(database: Database, now: datetime, key: str, status: str, **given: Any) -> Noted:
    values: dict[str, Any] = {"provider_id": "", "intent_id": None, "target": "mail", **given}
    async with database.transaction() as session:
        return await receipts.record(session, event_key=key, status=status, now=now, **values)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(said=st.lists(st.tuples(st.sampled_from(WORDS), st.booleans()), min_size=1, max_size=6))
async def test_callbacks_in_any_order_end_in_one_state(database: Database, said: list[tuple[str, bool]]) -> None:
    """P10, on rows: each callback knows our id or the provider's, and comes twice."""
    provider_id = f"M-{uuid.uuid4()}"
    intent = await accepted(database, NOW, provider_id)
    for _ in range(2):
        for word, knows_our_id in said:
            given_id = {"intent_id": intent.id} if knows_our_id else {}
            await tell(database, NOW, f"{provider_id}:{word}", word, provider_id=provider_id, **given_id)
    found = await intent_of(database, intent)
    assert found.delivery == expected([("M1", word) for word, _ in said])


async def test_every_order_of_one_story(database: Database, clock: VirtualClock) -> None:
    now = clock.now()
    for number, order in enumerate(permutations(["queued", "sent", "delivered", "undelivered"])):
        intent = await accepted(database, now, f"M{number}")
        for step, word in enumerate(order):
            at = now + timedelta(seconds=step)
            await tell(database, at, f"M{number}:{word}", word, provider_id=f"M{number}")
        assert (await intent_of(database, intent)).delivery is DeliveryState.UNDELIVERED


async def test_the_same_event_again_changes_nothing(database: Database, clock: VirtualClock) -> None:
    intent = await accepted(database, clock.now(), "M1")
    first = await tell(database, clock.now(), "e1", "delivered", provider_id="M1")
    again = await tell(database, clock.now(), "e1", "failed", provider_id="M1")
    assert (first.is_new, first.became) == (True, DeliveryState.DELIVERED)
    assert (again.is_new, again.became, again.intent) == (False, None, None)
    assert (await intent_of(database, intent)).delivery is DeliveryState.DELIVERED
    assert await count_of(database, Receipt) == 1


async def test_unknown_ids_are_kept_and_harm_nothing(database: Database, clock: VirtualClock) -> None:
    intent = await accepted(database, clock.now(), "M1")
    strangers: dict[str, dict[str, Any]] = {
        "a": {"provider_id": "nobody"},
        "b": {"intent_id": uuid.uuid4()},
        "c": {"intent_id": intent.id, "target": "sms"},
        "d": {"provider_id": "x\x00y" + "z" * 400},
    }
    for key, values in strangers.items():
        noted = await tell(database, clock.now(), key, "failed", **values)
        assert (noted.is_new, noted.intent) == (True, None)
    assert (await intent_of(database, intent)).delivery is DeliveryState.UNKNOWN
    assert await count_of(database, Receipt) == 4


async def test_a_callback_before_our_commit_is_matched_at_the_commit(
    committed_database: Database, clock: VirtualClock, ledger: Ledger, send: Send
) -> None:
    """The provider calls back before it has even answered us; the callback knows only the provider's id."""
    early: list[Entry] = []

    def note(entry: Entry) -> None:
        early.append(entry)

    ledger.on_taken = note
    (intent,) = await queue(committed_database, now=clock.now())
    noted = await tell(committed_database, clock.now(), "e1", "delivered", provider_id="M000001")
    assert noted.intent is None
    await send()
    found = await intent_of(committed_database, intent)
    assert early[0].provider_id == found.provider_id == "M000001"
    assert found.delivery is DeliveryState.DELIVERED


async def test_a_callback_that_crossed_our_commit_is_matched_by_the_next_sweep(
    committed_database: Database, clock: VirtualClock, settle: Settle
) -> None:
    """Neither transaction saw the other's row: what is left is a receipt without intent beside an accepted message."""
    await tell(committed_database, clock.now(), "e1", "undelivered", provider_id="M1")
    intent = await accepted(committed_database, clock.now(), "M1")
    assert (await intent_of(committed_database, intent)).delivery is DeliveryState.UNKNOWN
    assert await settle() == 1
    assert (await intent_of(committed_database, intent)).delivery is DeliveryState.UNDELIVERED
    assert await settle() == 0


@pytest.mark.parametrize("knows_our_id", [True, False])
async def test_a_receipt_while_the_message_is_on_the_wire(
    committed_database: Database, clock: VirtualClock, ledger: Ledger, send: Send, knows_our_id: bool
) -> None:
    (intent,) = await queue(committed_database, now=clock.now())
    entries: list[Entry] = []
    ledger.script[intent.recipient] = ["slow:0.2"]
    ledger.on_taken = entries.append
    sending = asyncio.create_task(send())
    while not ledger.calls:
        await asyncio.sleep(0.01)
    given_id = {"intent_id": intent.id} if knows_our_id else {}
    await tell(committed_database, clock.now(), "e1", "sent", provider_id="M000001", **given_id)
    await sending
    found = await intent_of(committed_database, intent)
    assert (found.provider_id, found.delivery) == ("M000001", DeliveryState.SENT)
