"""A local HTTP server that speaks Twilio's Messages API (create, list, fetch), keeps a ledger and has faults on demand.

What each creation meets is told by a script: a list of behaviours used up one by one, then `take`.

    take                    201, into the ledger
    error:STATUS:CODE       that refusal, as Twilio words it; nothing taken
    status:STATUS           that bare status; nothing taken
    busy:SECONDS            429 with Retry-After
    cut                     the line is cut before anything is taken
    lost                    into the ledger, then the line is cut instead of the answer
    slow:SECONDS            into the ledger, and the answer comes late
    garbled                 into the ledger, and the answer is no JSON
    no-id                   201 without an id; nothing taken
    hidden                  into the ledger, but the list does not show it yet
"""

from __future__ import annotations

import base64
import json
import socket
import threading
import time
import uuid
from collections import deque
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import httpx2
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]

ACCOUNT = "AC" + "0" * 32
SERVICE = "MG" + "0" * 32
TOKEN = "a-twilio-token-of-the-tests"


@dataclass
class Sms:
    """A message that the server took."""

    sid: str
    to: str
    body: str
    callback: str
    validity: int
    service: str
    created_at: datetime
    status: str = "accepted"
    is_listed: bool = True

    def as_json(self) -> dict[str, Any]:
        created = format_datetime(self.created_at)
        return {
            "sid": self.sid,
            "account_sid": ACCOUNT,
            "messaging_service_sid": self.service,
            "to": self.to,
            "from": None,
            "body": self.body,
            "status": self.status,
            "direction": "outbound-api",
            "num_segments": "0",
            "num_media": "0",
            "date_created": created,
            "date_updated": created,
            # What still waits at Twilio has no date of sending.
            "date_sent": created if self.status in {"sent", "delivered", "undelivered"} else None,
            "error_code": None,
            "error_message": None,
            "price": None,
            "price_unit": "USD",
            "api_version": "2010-04-01",
            "uri": f"/2010-04-01/Accounts/{ACCOUNT}/Messages/{self.sid}.json",
            "subresource_uris": {},
        }


@dataclass
class TwilioServer:
    """Listens as soon as it is entered; `url` is what `TELECONTROL_TWILIO_API_URL` takes."""

    script: list[str] = field(default_factory=list)
    now: datetime | None = None
    """What the server's clock shows; None for the machine's."""
    ledger: list[Sms] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._script = deque(self.script)
        self._lock = threading.Lock()
        self._lines: list[socket.socket] = []
        owner: TwilioServer = self

        class Handler(_Handler):
            server_state = owner

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join(timeout=5)
        # Kept lines are cut too: a server that is gone answers nobody.
        with self._lock:
            for line in self._lines:
                with suppress(OSError):
                    line.shutdown(socket.SHUT_RDWR)

    def tell(self, *behaviours: str) -> None:
        """Add to the script."""
        with self._lock:
            self._script.extend(behaviours)

    def next_behaviour(self) -> str:
        with self._lock:
            return self._script.popleft() if self._script else "take"

    def take(self, form: dict[str, str], *, is_listed: bool = True) -> Sms:
        sms = Sms(
            sid=f"SM{uuid.uuid4().hex}",
            to=form["To"],
            body=form["Body"],
            callback=form.get("StatusCallback", ""),
            validity=int(form.get("ValidityPeriod", "36000")),
            service=form.get("MessagingServiceSid", ""),
            created_at=self.now or datetime.now(UTC),
            is_listed=is_listed,
        )
        with self._lock:
            self.ledger.append(sms)
        return sms

    async def call_back(self, sms: Sms, status: str, *, error_code: int = 0, token: str = TOKEN) -> httpx2.Response:
        """Tell the service what became of a message, signed with `token`."""
        sms.status = status
        form = callback_form(sms, status, error_code=error_code)
        signature = RequestValidator(token).compute_signature(sms.callback, form)
        async with httpx2.AsyncClient() as client:
            return await client.post(sms.callback, data=form, headers={"X-Twilio-Signature": signature})


def callback_form(sms: Sms, status: str, *, error_code: int = 0) -> dict[str, str]:
    """The fields of a status callback."""
    form = {
        "MessageSid": sms.sid,
        "SmsSid": sms.sid,
        "MessageStatus": status,
        "SmsStatus": status,
        "AccountSid": ACCOUNT,
        "To": sms.to,
        "ApiVersion": "2010-04-01",
    }
    return {**form, "ErrorCode": str(error_code)} if error_code else form


class _Handler(BaseHTTPRequestHandler):
    server_state: TwilioServer
    protocol_version = "HTTP/1.1"

    def setup(self) -> None:
        super().setup()
        with self.server_state._lock:
            self.server_state._lines.append(self.connection)

    def log_message(self, *_: Any) -> None:
        """The ledger says it all."""

    def do_POST(self) -> None:
        form = {name: values[-1] for name, values in parse_qs(self._body(), keep_blank_values=True).items()}
        self.server_state.requests.append(f"POST {self.path}")
        if not self._is_signed_in() or self.path != f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json":
            self._refuse(401, 20003)
            return
        self._create(form, self.server_state.next_behaviour())

    def do_GET(self) -> None:
        self._body()
        self.server_state.requests.append(f"GET {self.path}")
        behaviour = self.server_state.next_behaviour()
        if not self._is_signed_in():
            self._refuse(401, 20003)
        elif behaviour.startswith("status:"):
            self._answer(int(behaviour.removeprefix("status:")), {})
        elif self.path.partition("?")[0].endswith("/Messages.json"):
            self._list()
        else:
            sid = urlsplit(self.path).path.rpartition("/")[2].removesuffix(".json")
            found = [sms for sms in self.server_state.ledger if sms.sid == sid]
            self._answer(200, found[0].as_json()) if found else self._refuse(404, 20404)

    def _create(self, form: dict[str, str], behaviour: str) -> None:
        name, _, rest = behaviour.partition(":")
        state = self.server_state
        match name:
            case "error":
                status, _, code = rest.partition(":")
                self._refuse(int(status), int(code))
            case "status":
                self._answer(int(rest), {})
            case "busy":
                self._refuse(429, 20429, {"Retry-After": rest})
            case "cut":
                self._cut()
            case "lost":
                state.take(form)
                self._cut()
            case "slow":
                sms = state.take(form)
                time.sleep(float(rest))
                self._answer(201, sms.as_json())
            case "garbled":
                state.take(form)
                self._answer_bytes(201, b"<html>oops</html>", {})
            case "no-id":
                self._answer(201, {"status": "accepted"})
            case _:
                self._answer(201, state.take(form, is_listed=name != "hidden").as_json())

    def _list(self) -> None:
        query = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
        found = [
            sms.as_json()
            for sms in reversed(self.server_state.ledger)
            if sms.is_listed and sms.to == query.get("To", sms.to)
        ]
        if "DateSent" in query or "DateSent>" in query or "DateSent<" in query:
            found = [sms for sms in found if sms["date_sent"]]
        size = int(query.get("PageSize", "50"))
        self._answer(200, {"messages": found[:size], "page": 0, "page_size": size, "next_page_uri": None})

    def _is_signed_in(self) -> bool:
        expected = base64.b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode()
        return self.headers.get("Authorization") == f"Basic {expected}"

    def _body(self) -> str:
        return self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()

    def _refuse(self, status: int, code: int, headers: dict[str, str] | None = None) -> None:
        told = {"code": code, "message": f"refused with {code}", "more_info": "", "status": status}
        self._answer(status, told, headers)

    def _answer(self, status: int, value: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        self._answer_bytes(status, json.dumps(value).encode(), {"Content-Type": "application/json", **(headers or {})})

    def _answer_bytes(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        with suppress(ConnectionError):
            self.end_headers()
            self.wfile.write(content)

    def _cut(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)


def ledger_json(server: TwilioServer) -> str:
    """The ledger as text: what a test that looks for planted words reads."""
    return json.dumps([asdict(sms) for sms in server.ledger], default=str)
