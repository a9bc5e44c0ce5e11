"""A gateway that an insurer's IT can run beside its own work: it checks every request against the published contract.

    python -m telecontrol.reports.conformance --port 8085 --key a-key-of-16-or-more

It also answers badly on demand, as real gateways do: faults are taken one per report, in order, from `--faults` or from
`POST /conformance/faults {"faults": ["lose_reply", "error", "conflict"]}`. `GET /conformance/ledger` shows each report taken
once, and each request seen. It keeps nothing on disk and listens on loopback unless told otherwise.
"""

from __future__ import annotations

import argparse
import json
import threading
import time
import uuid
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from telecontrol.reports import contract
from telecontrol.reports.contract import Answer, Kept, Submission
from telecontrol.reports.published import EXAMPLE, openapi

DEFAULT_KEY = "conformance-test-key"
MANY = 10_000
"""Requests remembered at most."""


class Misbehaviour(StrEnum):
    """How the next report is answered."""

    ACCEPT = "accept"
    LOSE_REPLY = "lose_reply"
    """Takes the report, then drops the connection."""
    DROP = "drop"
    """Takes nothing and drops the connection."""
    ERROR = "error"
    """500; nothing is taken."""
    ERROR_AFTER = "error_after"
    """Takes the report, then answers 500."""
    SLOW = "slow"
    """Takes the report, and answers after `--slow-seconds`."""
    CONFLICT = "conflict"
    """409 to a key that it knows, same content or not; 409 to an unknown one too."""
    PENDING = "pending"
    """202: takes the report, acknowledges it when asked again."""
    REFUSE = "refuse"
    """422; nothing is taken."""
    THROTTLE = "throttle"
    """429 with Retry-After."""
    UNAVAILABLE = "unavailable"
    """503 with Retry-After."""
    NOT_AUTHORISED = "not_authorised"
    REDIRECT = "redirect"
    GARBAGE = "garbage"
    """200 with a page instead of an acknowledgement; nothing is taken."""


@dataclass
class Gateway:
    """What the server remembers, guarded by a lock."""

    key: str = DEFAULT_KEY
    slow_seconds: float = 5.0
    retry_after: int = 2
    faults: deque[Misbehaviour] = field(default_factory=deque)
    taken: dict[str, Kept] = field(default_factory=dict)
    documents: dict[str, Any] = field(default_factory=dict)
    requests: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=MANY))
    lock: threading.Lock = field(default_factory=threading.Lock)

    def post(self, headers: dict[str, str], body: bytes) -> Answer | None:
        """The answer to `POST /reports`; None means: drop the connection."""
        with self.lock:
            fault = self.faults.popleft() if self.faults else Misbehaviour.ACCEPT
            early = self._early(fault)
            if early is not None or fault is Misbehaviour.DROP:
                self._note(headers, fault, early)
                return early
            answer = contract.authorised(headers, bearer=self.key) or self._settle(headers, body, fault)
            if fault in (Misbehaviour.LOSE_REPLY, Misbehaviour.ERROR_AFTER) and answer.status < 400:
                failed = Answer.problem(500, "told_to_fail", "Told to fail after taking the report.")
                self._note(headers, fault, None if fault is Misbehaviour.LOSE_REPLY else failed)
                return None if fault is Misbehaviour.LOSE_REPLY else failed
            self._note(headers, fault, answer)
        if fault is Misbehaviour.SLOW:
            time.sleep(self.slow_seconds)
        return answer

    def get(self, headers: dict[str, str], key: str) -> Answer:
        """The answer to `GET /reports/{key}`."""
        with self.lock:
            refusal = contract.authorised(headers, bearer=self.key)
            if refusal is not None:
                return refusal
            kept = self.taken.get(key)
            return contract.unknown_key() if kept is None else contract.acknowledged(kept, status=200)

    def ledger(self) -> dict[str, Any]:
        """Reports taken, once each, and requests seen."""
        with self.lock:
            taken = [
                {
                    "key": kept.key,
                    "content_digest": kept.digest,
                    "acknowledgement_id": kept.acknowledgement_id,
                    "received_at": kept.received_at.isoformat(),
                    "document": self.documents[kept.key],
                }
                for kept in self.taken.values()
            ]
            return {"effects": len(taken), "reports": taken, "requests": list(self.requests)}

    def _early(self, fault: Misbehaviour) -> Answer | None:
        """Answers that look at nothing and take nothing."""
        wait = {"retry-after": str(self.retry_after)}
        match fault:
            case Misbehaviour.ERROR:
                return Answer.problem(500, "told_to_fail", "Told to fail.")
            case Misbehaviour.THROTTLE:
                return Answer.problem(429, "too_many", "Told to throttle.", headers=wait)
            case Misbehaviour.UNAVAILABLE:
                return Answer.problem(503, "unavailable", "Told to be unavailable.", headers=wait)
            case Misbehaviour.NOT_AUTHORISED:
                return Answer.problem(401, "not_authorised", "Told to refuse the key.")
            case Misbehaviour.REFUSE:
                return Answer.problem(422, "told_to_refuse", "Told to refuse the report.")
            case Misbehaviour.REDIRECT:
                return Answer(307, b"", {"location": "/elsewhere"})
            case Misbehaviour.GARBAGE:
                return Answer(200, b"<!doctype html><title>Welcome</title>", {"content-type": "text/html"})
            case _:
                return None

    def _settle(self, headers: dict[str, str], body: bytes, fault: Misbehaviour) -> Answer:
        submission = contract.examine(headers, body)
        if isinstance(submission, Answer):
            return submission
        if fault is Misbehaviour.CONFLICT:
            return Answer.problem(409, "key_known", "This key was used before.")
        kept = self.taken.get(submission.key)
        if kept is not None:
            return contract.again(submission, kept)
        kept = self._take(submission)
        return contract.pending(kept) if fault is Misbehaviour.PENDING else contract.acknowledged(kept, status=201)

    def _take(self, submission: Submission) -> Kept:
        number = f"CONF-{uuid.uuid4().hex[:12].upper()}"
        kept = Kept(submission.key, submission.digest, number, datetime.now(UTC))
        self.taken[kept.key] = kept
        self.documents[kept.key] = json.loads(submission.body)
        return kept

    def _note(self, headers: dict[str, str], fault: Misbehaviour, answer: Answer | None) -> None:
        said = None if answer is None else answer.status
        told = "" if answer is None or answer.status < 400 else answer.body.decode()
        key = headers.get("idempotency-key", "")
        self.requests.append({"key": key, "fault": str(fault), "status": said, "problem": json.loads(told or "null")})


class _Handler(BaseHTTPRequestHandler):
    server: ConformanceServer
    protocol_version = "HTTP/1.1"
    timeout = 60

    def do_POST(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        body = self.rfile.read(min(length, contract.LARGEST_BODY + 1))
        if self.path == "/reports":
            self._answer(self.server.gateway.post(self._given(), body))
        elif self.path == "/conformance/faults":
            self._answer(self._plan(body))
        else:
            self._answer(Answer.problem(404, "unknown_path", "See GET / for what there is."))

    def do_GET(self) -> None:
        gateway = self.server.gateway
        if self.path.startswith("/reports/"):
            self._answer(gateway.get(self._given(), self.path.removeprefix("/reports/")))
        elif self.path == "/health":
            self._answer(contract.authorised(self._given(), bearer=gateway.key) or contract.health())
        elif self.path == "/conformance/ledger":
            self._answer(Answer.of(200, gateway.ledger()))
        elif self.path == "/openapi.json":
            self._answer(Answer.of(200, openapi()))
        else:
            paths = ["POST /reports", "GET /reports/{key}", "GET /health", "GET /openapi.json"]
            paths += ["GET /conformance/ledger", "POST /conformance/faults", "DELETE /conformance/ledger"]
            self._answer(Answer.of(200 if self.path == "/" else 404, {"paths": paths}))

    def do_DELETE(self) -> None:
        if self.path != "/conformance/ledger":
            self._answer(Answer.problem(404, "unknown_path", "See GET / for what there is."))
            return
        gateway = self.server.gateway
        with gateway.lock:
            gateway.taken.clear()
            gateway.documents.clear()
            gateway.requests.clear()
            gateway.faults.clear()
        self._answer(Answer.of(200, {"effects": 0}))

    def _plan(self, body: bytes) -> Answer:
        try:
            faults = [Misbehaviour(name) for name in json.loads(body)["faults"]]
        except (ValueError, KeyError, TypeError):
            known = ", ".join(Misbehaviour)
            return Answer.problem(422, "unknown_fault", f'{{"faults": [...]}} with names among: {known}')
        with self.server.gateway.lock:
            self.server.gateway.faults.extend(faults)
        return Answer.of(200, {"faults": [str(fault) for fault in self.server.gateway.faults]})

    def _given(self) -> dict[str, str]:
        return {name.lower(): value for name, value in self.headers.items()}

    def _answer(self, answer: Answer | None) -> None:
        if answer is None:
            self.close_connection = True
            self.connection.close()
            return
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(answer.body)))
        self.send_header("connection", "close")
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  (the base class's name)
        if self.server.talks:
            super().log_message(format, *args)


class ConformanceServer(ThreadingHTTPServer):
    """The gateway on a port of `host`; port 0 takes a free one."""

    daemon_threads = True

    def __init__(self, gateway: Gateway, *, host: str = "127.0.0.1", port: int = 0, talks: bool = False) -> None:
        self.gateway = gateway
        self.talks = talks
        super().__init__((host, port), _Handler)

    @property
    def url(self) -> str:
        return f"http://{self.server_address[0]!s}:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A peer that goes away is no news here."""


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line; see the module's docstring."""
    parser = argparse.ArgumentParser(prog="python -m telecontrol.reports.conformance", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8085, help="0 takes a free one")
    parser.add_argument("--key", default=DEFAULT_KEY, help="bearer key that requests must carry")
    parser.add_argument("--faults", default="", help=f"by commas, one per report: {', '.join(Misbehaviour)}")
    parser.add_argument("--slow-seconds", type=float, default=5.0)
    parser.add_argument("--quiet", action="store_true", help="do not print each request")
    parser.add_argument("--schema", action="store_true", help="print the published contract (OpenAPI 3.1) and stop")
    parser.add_argument("--example", action="store_true", help="print an example report and stop")
    given = parser.parse_args(arguments)
    if given.schema or given.example:
        print(json.dumps(openapi() if given.schema else EXAMPLE, ensure_ascii=False, indent=2))  # noqa: T201
        return
    gateway = Gateway(key=given.key, slow_seconds=given.slow_seconds, faults=deque(_named(given.faults)))
    with ConformanceServer(gateway, host=given.host, port=given.port, talks=not given.quiet) as server:
        print(f"listening on {server.url}", flush=True)  # noqa: T201
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            return


def _named(faults: str) -> Iterable[Misbehaviour]:
    return (Misbehaviour(name.strip()) for name in faults.split(",") if name.strip())


if __name__ == "__main__":
    main()
