"""A mail relay and an SMS provider in a process of their own, for the measures: they take everything and note when.

    python -m scripts.bench.outside

It prints its ports as one line of JSON, then answers each line of its standard input: `counts` with how much was taken,
`times` with the machine's second of each taking, `keep PATH` by writing what was taken there, `forget` by starting anew.
"""

from __future__ import annotations

import base64
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar

from tests.support.smtp_server import SmtpServer, Taken
from tests.support.twilio_server import Sms, TwilioServer

T = TypeVar("T")


class Stamped(list[T]):
    """A ledger that also notes when each thing came (seconds since 1970)."""

    def __init__(self) -> None:
        super().__init__()
        self.times: list[float] = []

    def append(self, item: T) -> None:
        self.times.append(time.time())
        super().append(item)

    def clear(self) -> None:
        self.times.clear()
        super().clear()


@dataclass
class Outside:
    mails: Stamped[Taken]
    texts: Stamped[Sms]

    def counts(self, _path: str) -> Any:
        """How much was taken, and how much of it is different: the two are equal when nothing came twice."""
        return {
            "mail": len(self.mails),
            "sms": len(self.texts),
            "different_mail": len({each.message["Message-ID"] for each in self.mails}),
            "different_sms": len({(each.to, each.body) for each in self.texts}),
        }

    def so_far(self, _path: str) -> Any:
        return len(self.mails) + len(self.texts)

    def times(self, _path: str) -> Any:
        return sorted([*self.mails.times, *self.texts.times])

    def keep(self, path: str) -> Any:
        kept = {
            "mails": [
                [each.sender, each.recipient, base64.b64encode(each.content).decode("ascii")] for each in self.mails
            ],
            "texts": [
                {
                    "To": each.to,
                    "Body": each.body,
                    "StatusCallback": each.callback,
                    "ValidityPeriod": str(each.validity),
                    "MessagingServiceSid": each.service,
                }
                for each in self.texts
            ],
        }
        Path(path).write_text(json.dumps(kept), encoding="utf-8")
        return True

    def forget(self, _path: str) -> Any:
        self.mails.clear()
        self.texts.clear()
        return True


def main() -> None:
    mails, texts = Stamped[Taken](), Stamped[Sms]()
    outside = Outside(mails, texts)
    # Dozens of lines are opened in the same instant; the usual queue of five would cut some of them.
    ThreadingHTTPServer.request_queue_size = 128
    answers: dict[str, Callable[[str], Any]] = {
        "counts": outside.counts,
        "so_far": outside.so_far,
        "times": outside.times,
        "keep": outside.keep,
        "forget": outside.forget,
    }
    with SmtpServer(ledger=mails) as smtp, TwilioServer(ledger=texts) as twilio:
        print(json.dumps({"smtp_port": smtp.port, "twilio_url": twilio.url}), flush=True)
        for line in sys.stdin:
            asked, _, path = line.strip().partition(" ")
            print(json.dumps(answers[asked](path)), flush=True)


if __name__ == "__main__":
    main()
