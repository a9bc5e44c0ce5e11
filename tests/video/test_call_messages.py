from __future__ import annotations

import json

import pytest

from telecontrol.errors import InvalidInput
from telecontrol.video.call_messages import MAX_MESSAGE_BYTES, Candidate, Description, parse, parse_join, parse_watch

CANDIDATE = "candidate:1 1 UDP 2122252543 192.0.2.77 50000 typ host"


def test_what_a_browser_says_is_understood() -> None:
    description = parse(json.dumps({"type": "description", "epoch": 3, "description": {"type": "offer", "sdp": "v=0"}}))
    assert isinstance(description, Description)
    assert description.description.type == "offer"
    said = {"candidate": CANDIDATE, "sdpMid": "0", "sdpMLineIndex": 0, "usernameFragment": "aB", "later": "field"}
    candidate = parse(json.dumps({"type": "candidate", "epoch": 3, "candidate": said}))
    assert isinstance(candidate, Candidate)
    assert "later" not in candidate.model_dump()["candidate"], "what we do not know is not passed on"


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"type": "unknown"},
        {"type": "join", "ticket": "x" * 30, "page": "page-one"},
        {"type": "live", "epoch": -1},
        {"type": "live", "epoch": "1"},
        {"type": "live", "epoch": 1, "more": True},
        {"type": "later", "minutes": 0},
        {"type": "problem", "code": "free text about my health"},
        {"type": "chat", "text": ""},
        {"type": "chat", "text": " \n "},
        {"type": "chat", "text": "x" * 501},
        {"type": "chat", "text": 1},
        {"type": "chat", "text": "hello", "html": True},
        {"type": "media", "media": {"audio": True, "video": True, "wants_video": True, "showing": "passport"}},
        {"type": "description", "epoch": 1, "description": {"type": "rollback", "sdp": ""}},
        {"type": "description", "epoch": 1, "description": {"type": "offer", "sdp": "x" * 60_001}},
        {"type": "candidate", "epoch": 1, "candidate": {"candidate": "x" * 3000}},
    ],
)
def test_anything_else_is_refused(said: dict) -> None:
    with pytest.raises(InvalidInput):
        parse(json.dumps(said))


def test_a_message_is_at_most_64_kib_whatever_its_letters() -> None:
    with pytest.raises(InvalidInput) as refused:
        parse("é" * (MAX_MESSAGE_BYTES // 2 + 1))
    assert refused.value.code == "too_long"


def test_a_refusal_never_repeats_an_address_or_a_ticket() -> None:
    for read, said in (
        (parse, {"type": "candidate", "epoch": "x", "candidate": {"candidate": CANDIDATE}}),
        (parse_join, {"type": "join", "ticket": "a-very-secret-ticket-of-somebody", "page": "?"}),
        (parse_watch, {"type": "watch", "tickets": "a-very-secret-ticket-of-somebody"}),
    ):
        with pytest.raises(InvalidInput) as refused:
            read(json.dumps(said))
        shown = repr(refused.value) + str(refused.value.__cause__)
        assert "192.0.2.77" not in shown
        assert "secret" not in shown


def test_what_is_kept_of_a_message_hides_its_secret_parts() -> None:
    join = parse_join(json.dumps({"type": "join", "ticket": "a-very-secret-ticket-of-somebody", "page": "page-one"}))
    assert "secret" not in repr(join)
    candidate = parse(json.dumps({"type": "candidate", "epoch": 1, "candidate": {"candidate": CANDIDATE}}))
    assert "192.0.2.77" not in repr(candidate)
    chat = parse(json.dumps({"type": "chat", "text": "é" * 500}))
    assert "é" not in repr(chat)
