"""The published contract: the file in the docs, its examples, what the model and the schema each accept."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from pydantic import ValidationError

from telecontrol.reports import contract, published
from telecontrol.reports.canonical import canonical
from telecontrol.reports.circumstances import ADDED_LATER
from telecontrol.reports.contract import Answer, Kept, Submission
from tests.support.concluding import START
from tests.support.insurer import KEY as GATEWAY_KEY
from tests.support.insurer import SCHEMA, InsurerProcess, published_schema

BODY = canonical(published.EXAMPLE)
KEY = contract.key_of(published.EXAMPLE["report_id"], 1)
HEADERS = {
    "authorization": "Bearer secret-of-the-gateway",
    "content-type": "application/json",
    "content-digest": contract.digest_of(BODY),
    "idempotency-key": KEY,
}


def changed(*path: str | int, to: Any = None, drop: bool = False) -> dict[str, Any]:
    document = copy.deepcopy(published.EXAMPLE)
    place: Any = document
    for part in path[:-1]:
        place = place[part]
    if drop:
        del place[path[-1]]
    else:
        place[path[-1]] = to
    return document


def test_the_file_in_the_docs_is_the_contract_of_this_release() -> None:
    assert json.loads(SCHEMA.read_text(encoding="utf-8")) == published.openapi(), (
        "write it again: python -m telecontrol.reports.conformance --schema > docs/insurer-gateway.schema.json"
    )


def test_every_example_follows_its_schema() -> None:
    examples = 0
    for path in published.openapi()["paths"].values():
        for operation in path.values():
            contents = [operation.get("requestBody", {}), *operation["responses"].values()]
            for content in (media for part in contents for media in part.get("content", {}).values()):
                if "example" in content:
                    published_schema(content["schema"]["$ref"].rpartition("/")[2]).validate(content["example"])
                    examples += 1
    assert examples >= 5


# Each breaks the contract for the published schema and for the model that the servers use.
BROKEN = [
    changed("contract", to="telecontrol.report/2"),
    changed("insured", drop=True),
    changed("insured", "social_security_number", to="1800175000000"),
    changed("notes", to="lombalgie"),
    changed("conclusion", "event_at", to="2026-03-24T10:15:00"),
    changed("conclusion", "event_at", to="yesterday"),
    changed("conclusion", "result", to="unjust"),
    changed("conclusion", "content_hash", to="ABC"),
    changed("kind", to="other"),
    changed("doctor", "rpps", to="123"),
    changed("version", to=0),
    changed("report_id", to="42"),
    changed("insured", "birth_on", to="31/01/1980"),
    changed("circumstances", "remark", to="x" * 301),
    changed("circumstances", "calls_made_at", to=["now"]),
    changed("circumstances", "waited_how", to="by_heart"),
    changed("circumstances", "seen_without_record", to=True),
    changed("circumstances", "announced_absent_at", to="yesterday"),
    changed("circumstances", "announced_reason", to="travel"),
]


# Members that came later, and are left out where they say nothing.
LATER = {
    "seen_without_record": "doctor",
    "announced_absent_at": "2026-03-23T10:15:00Z",
    "waited_from": "2026-03-24T06:09:00Z",
    "waited_how": "by_phone",
}


def test_what_came_later_may_be_there_and_need_not() -> None:
    assert set(LATER) == set(ADDED_LATER)
    assert not set(LATER) & set(published.EXAMPLE["circumstances"]), (
        "the example is of the first release, and still taken"
    )
    for name, value in LATER.items():
        document = changed("circumstances", name, to=value)
        published_schema("ReportDocument").validate(document)
        assert contract.written(document)


@pytest.mark.parametrize("document", BROKEN)
def test_what_breaks_the_contract_is_refused_by_the_schema_and_by_the_model(document: dict[str, Any]) -> None:
    assert not published_schema("ReportDocument").is_valid(document)
    with pytest.raises(ValidationError):
        contract.written(document)


def test_the_example_is_taken() -> None:
    assert isinstance(contract.examine(HEADERS, BODY), Submission)


@pytest.mark.parametrize(
    ("headers", "body", "status", "code"),
    [
        ({}, b"x" * (contract.LARGEST_BODY + 1), 413, "too_large"),
        ({"content-type": "text/plain"}, BODY, 415, "not_json"),
        ({"idempotency-key": ""}, BODY, 400, "key_missing"),
        ({"idempotency-key": "a b"}, BODY, 400, "key_missing"),
        ({"content-digest": contract.digest_of(b"other")}, BODY, 400, "digest_mismatch"),
        ({"content-digest": contract.digest_of(b"{")}, b"{", 422, "invalid_report"),
        ({"idempotency-key": "another.1"}, BODY, 422, "invalid_report"),
    ],
)
def test_what_is_wrong_with_a_request_is_said(headers: dict[str, str], body: bytes, status: int, code: str) -> None:
    answer = contract.examine({**HEADERS, **headers}, body)
    assert isinstance(answer, Answer)
    problem = json.loads(answer.body)
    assert (answer.status, problem["code"], answer.headers["content-type"]) == (
        status,
        code,
        "application/problem+json",
    )
    published_schema("Problem").validate(problem)


def test_a_refusal_names_the_place_and_never_the_value() -> None:
    body = canonical(changed("insured", "diagnosis", to="lombalgie"))
    answer = contract.examine({**HEADERS, "content-digest": contract.digest_of(body)}, body)
    assert isinstance(answer, Answer)
    assert json.loads(answer.body)["errors"] == [{"pointer": "/insured/diagnosis", "code": "extra_forbidden"}]
    assert b"lombalgie" not in answer.body


@pytest.mark.parametrize(
    "given", ["", "Bearer", "Bearer wrong", "Basic secret-of-the-gateway", "Bearer secret-of-the-gatewaé"]
)
def test_the_key_is_asked_for(given: str) -> None:
    refusal = contract.authorised({"authorization": given}, bearer="secret-of-the-gateway")
    assert refusal is not None
    assert (refusal.status, refusal.headers["www-authenticate"]) == (401, "Bearer")
    assert contract.authorised(HEADERS, bearer="secret-of-the-gateway") is None


def test_the_answers_to_a_known_key() -> None:
    submission = contract.examine(HEADERS, BODY)
    assert isinstance(submission, Submission)
    kept = Kept(KEY, submission.digest, "ACK-1", START)
    same = contract.again(submission, kept)
    assert (same.status, json.loads(same.body)["acknowledgement_id"]) == (200, "ACK-1")
    published_schema("Acknowledgement").validate(json.loads(same.body))
    published_schema("Acknowledgement").validate(json.loads(contract.pending(kept).body))
    assert not published_schema("Acknowledgement").is_valid(
        {**json.loads(contract.pending(kept).body), "status": "accepted"}
    )
    other = contract.again(submission, Kept(KEY, contract.digest_of(b"other"), "ACK-1", START))
    assert (other.status, json.loads(other.body)["code"]) == (409, "content_mismatch")


@pytest.fixture(scope="module")
def process() -> Iterator[InsurerProcess]:
    running = InsurerProcess("--faults", "error,accept")
    running.start()
    yield running
    running.stop()


class TestConformanceServer:
    """The server that an insurer's IT runs."""

    def call(
        self,
        process: InsurerProcess,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> Any:
        with httpx2.Client(base_url=process.url, trust_env=False) as client:
            return client.request(method, path, content=body, headers=headers)

    def test_it_serves_the_contract(self, process: InsurerProcess) -> None:
        assert self.call(process, "GET", "/openapi.json").json() == published.openapi()
        assert self.call(process, "GET", "/").status_code == 200
        assert self.call(process, "GET", "/nothing").status_code == 404

    def test_faults_from_the_command_line_and_from_a_request_come_in_order(self, process: InsurerProcess) -> None:
        headers = {**HEADERS, "authorization": f"Bearer {GATEWAY_KEY}"}
        said = [self.call(process, "POST", "/reports", BODY, headers).status_code for _ in range(3)]
        assert said == [500, 201, 200]
        process.plan("unavailable", "conflict")
        answers = [self.call(process, "POST", "/reports", BODY, headers) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [503, 409, 200]
        assert answers[0].headers["retry-after"] == "2"
        found = self.call(process, "GET", f"/reports/{KEY}", headers=headers).json()
        assert found["acknowledgement_id"] == answers[2].json()["acknowledgement_id"]
        assert process.ledger()["effects"] == 1
        process.forget()
        assert self.call(process, "GET", f"/reports/{KEY}", headers=headers).status_code == 404

    def test_it_says_what_is_wrong_and_counts_no_effect(self, process: InsurerProcess) -> None:
        process.forget()
        headers = {**HEADERS, "authorization": f"Bearer {GATEWAY_KEY}"}
        body = canonical(changed("insured", drop=True))
        wrong = {**headers, "content-digest": contract.digest_of(body)}
        assert self.call(process, "POST", "/reports", body, wrong).json()["errors"] == [
            {"pointer": "/insured", "code": "missing"}
        ]
        assert self.call(process, "POST", "/reports", BODY, HEADERS).status_code == 401
        ledger = process.ledger()
        assert (ledger["effects"], [one["status"] for one in ledger["requests"]]) == (0, [422, 401])

    def test_an_unknown_fault_is_refused(self, process: InsurerProcess) -> None:
        for body in (b'{"faults": ["explode"]}', b"{}", b"?"):
            assert self.call(process, "POST", "/conformance/faults", body).status_code == 422
