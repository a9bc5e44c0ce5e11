"""A real SMTP server on a local port, in its own thread, that does as it is told and keeps a ledger of what it took.

What each message meets is told by a script: a list of behaviours used up one by one, then `take`.

    take                   250 after the final dot, into the ledger
    greet:CODE text        that reply instead of the greeting
    greet-cut              the line is cut instead of the greeting
    mail:CODE text         that reply to MAIL (`rcpt:` to RCPT, `data:` to DATA, `end:` after the final dot)
    mail-cut               the line is cut instead of the reply to MAIL (`rcpt-cut`, `data-cut` before any content)
    content-cut            the line is cut in the middle of the content
    end-cut                into the ledger, then the line is cut instead of the final reply
    end-lost               the line is cut after the final dot, and the message is lost
    slow:SECONDS           into the ledger, and the final reply comes late
    take-close             250 into the ledger, then the server closes the line
    421                    421 to MAIL, then the server closes the line (421-end: after the final dot)
"""

from __future__ import annotations

import base64
import ipaddress
import socket
import ssl
import tempfile
import threading
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import Message
from email.parser import BytesParser
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class Taken:
    """A message that the server took."""

    sender: str
    recipient: str
    options: str
    content: bytes
    over_tls: bool

    @property
    def message(self) -> Message:
        return BytesParser().parsebytes(self.content)


class _Cut(Exception):
    """The server cuts the line."""


@dataclass
class _Transaction:
    sender: str = ""
    recipient: str = ""
    options: str = ""
    behaviour: str = "take"


@dataclass
class SmtpServer:
    """Listens as soon as it is entered. `ledger` holds what it took, `dialogue` the commands it heard."""

    script: list[str] = field(default_factory=list)
    tls: bool = False
    requires_tls: bool = False
    user: tuple[str, str] | None = None
    auth_reply: str = ""
    """A reply to give to every AUTH instead of looking at the password."""
    dsn: bool = False
    ledger: list[Taken] = field(default_factory=list)
    dialogue: list[str] = field(default_factory=list)
    connections: int = 0

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory()
        self._script = deque(self.script)
        self._open: set[socket.socket] = set()
        self._closing = False
        self._lock = threading.Lock()
        if self.tls:
            self.certificate = Path(self._folder.name) / "server.pem"
            make_certificate(self.certificate)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing = True
        # A thread that waits in accept() is woken by a call, not by closing the socket under it.
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
            pass
        self._threads[0].join(timeout=5)
        self._listener.close()
        self.close_lines()
        for thread in self._threads:
            thread.join(timeout=5)
        self._folder.cleanup()

    def tell(self, *behaviours: str) -> None:
        """Add to the script."""
        with self._lock:
            self._script.extend(behaviours)

    def close_lines(self) -> None:
        """Close every open connection, as a server does that has waited long enough."""
        with self._lock:
            lines, self._open = list(self._open), set()
        for line in lines:
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)

    def client_context(self) -> ssl.SSLContext:
        """A context that trusts this server's own certificate."""
        return ssl.create_default_context(cafile=str(self.certificate))

    def _accept(self) -> None:
        while True:
            line, _ = self._listener.accept()
            if self._closing:
                line.close()
                return
            with self._lock:
                self.connections += 1
                self._open.add(line)
            thread = threading.Thread(target=self._serve, args=(line,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, line: socket.socket) -> None:
        conversation = _Conversation(self, line)
        with suppress(_Cut, OSError, ValueError):
            conversation.run()
        with self._lock:
            self._open.discard(line)
        conversation.close()

    def next_behaviour(self, *, stage: str) -> str | None:
        """The next behaviour if it belongs to this stage of a conversation (`greet`, or `mail` for all the others)."""
        with self._lock:
            if not self._script:
                return None
            is_for_greeting = self._script[0].startswith("greet")
            return self._script.popleft() if is_for_greeting == (stage == "greet") else None


class _Conversation:
    """One connection, from greeting to QUIT."""

    def __init__(self, server: SmtpServer, line: socket.socket) -> None:
        self.server, self.line = server, line
        self.reader: BinaryIO = line.makefile("rb")
        self.over_tls = False
        self.signed_in = server.user is None
        self.now = _Transaction()

    def run(self) -> None:
        greeting = self.server.next_behaviour(stage="greet") or "greet:220 ready"
        if greeting == "greet-cut":
            raise _Cut
        self.say(greeting.removeprefix("greet:"))
        while command := self.reader.readline():
            words = command.decode("utf-8", "replace").strip()
            self.server.dialogue.append(words.split(" ")[0].upper())
            self.answer(words)

    def close(self) -> None:
        with suppress(OSError):
            self.reader.close()
        with suppress(OSError):
            self.line.close()

    def say(self, reply: str) -> None:
        self.line.sendall(reply.encode() + b"\r\n")

    def answer(self, words: str) -> None:
        verb, _, rest = words.partition(" ")
        match verb.upper():
            case "EHLO":
                self.say("\r\n".join(self.extensions()))
            case "NOOP" | "HELO":
                self.say("250 2.0.0 ok")
            case "RSET":
                self.now = _Transaction()
                self.say("250 2.0.0 ok")
            case "QUIT":
                self.say("221 2.0.0 bye")
                raise _Cut
            case "STARTTLS" if self.server.tls and not self.over_tls:
                self.encrypt()
            case "AUTH":
                self.sign_in(rest)
            case "MAIL":
                self.mail(rest)
            case "RCPT":
                self.now.recipient = rest[len("TO:<") :].partition(">")[0]
                self.stage("rcpt", "250 2.1.5 ok")
            case "DATA":
                if self.stage("data", "354 go on"):
                    self.content()
            case _:
                self.say("500 5.5.1 what?")

    def extensions(self) -> list[str]:
        names = ["test.example", "8BITMIME", "ENHANCEDSTATUSCODES"]
        names += ["STARTTLS"] if self.server.tls and not self.over_tls else []
        names += ["DSN"] if self.server.dsn else []
        names += ["AUTH PLAIN"] if self.server.user and (self.over_tls or not self.server.requires_tls) else []
        return [f"250-{name}" for name in names[:-1]] + [f"250 {names[-1]}"]

    def encrypt(self) -> None:
        self.say("220 2.0.0 go on")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.server.certificate)
        plain = self.line
        self.line = context.wrap_socket(plain, server_side=True)
        with self.server._lock:
            self.server._open.discard(plain)
            self.server._open.add(self.line)
        self.reader = self.line.makefile("rb")
        self.over_tls = True

    def sign_in(self, rest: str) -> None:
        if self.server.auth_reply:
            self.say(self.server.auth_reply)
            return
        _, user, password = base64.b64decode(rest.partition(" ")[2]).decode().split("\0")
        self.signed_in = (user, password) == self.server.user
        self.say("235 2.7.0 welcome" if self.signed_in else "535 5.7.8 wrong password")

    def mail(self, rest: str) -> None:
        if self.server.requires_tls and not self.over_tls:
            self.say("530 5.7.0 Must issue a STARTTLS command first")
            return
        if not self.signed_in:
            self.say("530 5.7.0 Authentication required")
            return
        address, _, options = rest.partition("> ")
        behaviour = self.server.next_behaviour(stage="mail") or "take"
        self.now = _Transaction(sender=address[len("FROM:<") :].rstrip(">"), options=options, behaviour=behaviour)
        if behaviour == "421":
            self.say("421 4.3.2 closing")
            raise _Cut
        self.stage("mail", "250 2.1.0 ok")

    def stage(self, name: str, usual: str) -> bool:
        """Answer a command; whether the transaction goes on."""
        if self.now.behaviour == f"{name}-cut":
            raise _Cut
        if self.now.behaviour.startswith(f"{name}:"):
            self.say(self.now.behaviour.removeprefix(f"{name}:"))
            return False
        self.say(usual)
        return True

    def content(self) -> None:
        behaviour = self.now.behaviour
        if behaviour == "content-cut":
            self.reader.readline()
            raise _Cut
        content = self.read_content()
        if behaviour == "end-lost":
            raise _Cut
        if behaviour.startswith("end:"):
            self.say(behaviour.removeprefix("end:"))
            return
        if behaviour == "421-end":
            self.say("421 4.3.2 closing")
            raise _Cut
        self.server.ledger.append(
            Taken(self.now.sender, self.now.recipient, self.now.options, content, over_tls=self.over_tls)
        )
        if behaviour == "end-cut":
            raise _Cut
        if behaviour.startswith("slow:"):
            time.sleep(float(behaviour.removeprefix("slow:")))
        self.say(f"250 2.0.0 queued as {len(self.server.ledger)}")
        if behaviour == "take-close":
            raise _Cut

    def read_content(self) -> bytes:
        lines = []
        while (line := self.reader.readline()) != b".\r\n":
            if not line:
                raise _Cut
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        return b"".join(lines)


def make_certificate(path: Path, *, names: tuple[str, ...] = ("localhost",)) -> None:
    """A certificate of our own making for `names` and 127.0.0.1, with its key, in one PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test relay")])
    now = datetime.now(UTC)
    alternatives: list[x509.GeneralName] = [x509.DNSName(name) for name in names]
    alternatives.append(x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
