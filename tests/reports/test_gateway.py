"""The insurer's target against the conformance server in a process of its own: each answer has its outcome."""

from __future__ import annotations

import asyncio
import ssl
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import ValidationError

from telecontrol.accounts.models import Insurer
from telecontrol.db.journal import SERVICE
from telecontrol.db.session import Database
from telecontrol.errors import InvalidInput
from telecontrol.outbox.targets import NOT_OURS, Accepted, Ambiguous, Evidence, Outcome, Outgoing, Rejected
from telecontrol.reports import published
from telecontrol.reports.contract import digest_of
from telecontrol.reports.gateway import TIMEOUTS_BEFORE_REST, InsurerTarget
from telecontrol.reports.gateway_address import checked_address, is_allowed, resolve
from telecontrol.reports.gateway_http import LONGEST_WAIT, Gateway, Reply
from telecontrol.reports.gateway_setup import check_gateway, open_gateway, set_gateway
from tests.support.concluding import OPERATOR
from tests.support.insurer import KEY, InsurerProcess, connect
from tests.support.ports import free_port
from tests.support.world import NOW

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
SEALER = OPERATOR.messages


@pytest.fixture(scope="module")
def process() -> Iterator[InsurerProcess]:
    running = InsurerProcess("--slow-seconds", "3")
    running.start()
    yield running
    running.stop()


@pytest.fixture
def gateway(process: InsurerProcess) -> InsurerProcess:
    process.forget()
    return process


@pytest_asyncio.fixture
async def insurer(database: Database, gateway: InsurerProcess) -> Insurer:
    async with database.transaction() as session:
        row = Insurer(code="ins", name="Assureur", created_at=NOW)
        session.add(row)
        await session.flush()
        await connect(session, row, gateway.url)
        return row


@pytest_asyncio.fixture
async def target(database: Database) -> AsyncIterator[InsurerTarget]:
    made = InsurerTarget(database, sealer=SEALER, allow_loopback=True, seconds=1)
    yield made
    await made.close()


def report(target: InsurerTarget, insurer: Insurer, **document: Any) -> Outgoing:
    outgoing = Outgoing(
        intent_id=uuid.uuid4(),
        kind="report_48h",
        channel="insurer",
        recipient=str(insurer.id),
        language="fr",
        context={"document": {**published.EXAMPLE, "report_id": str(uuid.uuid4()), **document}},
        not_after=NOW + timedelta(days=30),
    )
    return replace(outgoing, content=target.prepare(outgoing))


async def test_taken_and_acknowledged(gateway: InsurerProcess, insurer: Insurer, target: InsurerTarget) -> None:
    outgoing = report(target, insurer)
    said = await target.deliver(outgoing)
    assert isinstance(said, Accepted)
    [taken] = gateway.ledger()["reports"]
    assert said.provider_id == taken["acknowledgement_id"]
    assert taken["document"] == outgoing.context["document"]
    assert taken["content_digest"] == digest_of(outgoing.content)


def rejected(code: str, *, permanent: bool = False, wait: timedelta | None = None) -> Rejected:
    return Rejected(permanent=permanent, code=code, retry_after=wait)


SLOW_PACE = timedelta(minutes=15)
# fault of the gateway, outcome of the first try, effects after it, whether the second try is accepted
FAULTS: list[tuple[str, Outcome, int, bool]] = [
    ("lose_reply", Ambiguous("reply_lost"), 1, True),
    ("drop", Ambiguous("reply_lost"), 0, True),
    ("error", Ambiguous("http_500"), 0, True),
    ("error_after", Ambiguous("http_500"), 1, True),
    ("slow", Ambiguous("timeout"), 1, True),
    ("pending", Ambiguous("pending"), 1, True),
    ("conflict", rejected("conflict_unknown"), 0, True),
    ("throttle", rejected("http_429", wait=timedelta(seconds=2)), 0, True),
    ("unavailable", rejected("http_503", wait=timedelta(seconds=2)), 0, True),
    ("not_authorised", rejected("gateway_401", wait=SLOW_PACE), 0, True),
    ("redirect", rejected("gateway_307", wait=SLOW_PACE), 0, True),
    ("garbage", Ambiguous("acknowledgement_unreadable"), 0, True),
]


@pytest.mark.parametrize(("fault", "outcome", "effects", "again"), FAULTS)
async def test_each_fault_has_its_outcome_and_one_effect_in_the_end(
    gateway: InsurerProcess,
    insurer: Insurer,
    target: InsurerTarget,
    fault: str,
    outcome: Outcome,
    effects: int,
    again: bool,
) -> None:
    gateway.plan(fault)
    outgoing = report(target, insurer)
    assert await target.deliver(outgoing) == outcome
    assert gateway.ledger()["effects"] == effects
    assert isinstance(await target.deliver(outgoing), Accepted) is again
    assert gateway.ledger()["effects"] == 1


async def test_a_refusal_for_good_keeps_codes_only(
    gateway: InsurerProcess, insurer: Insurer, target: InsurerTarget
) -> None:
    gateway.plan("refuse")
    said = await target.deliver(report(target, insurer))
    assert said == Rejected(permanent=True, code="refused_told_to_refuse", reply="422 told_to_refuse")


async def test_a_lost_reply_then_500_then_409_is_one_effect(
    gateway: InsurerProcess, insurer: Insurer, target: InsurerTarget
) -> None:
    gateway.plan("lose_reply", "error", "conflict")
    outgoing = report(target, insurer)
    assert await target.deliver(outgoing) == Ambiguous("reply_lost")
    assert await target.deliver(outgoing) == Ambiguous("http_500")
    said = await target.deliver(outgoing)
    ledger = gateway.ledger()
    assert said == Accepted(ledger["reports"][0]["acknowledgement_id"], reply="200")
    assert (ledger["effects"], [request["status"] for request in ledger["requests"]]) == (1, [None, 500, 409])


async def test_the_same_key_with_another_content_is_refused_for_good(
    gateway: InsurerProcess, insurer: Insurer, target: InsurerTarget
) -> None:
    number = str(uuid.uuid4())
    assert isinstance(await target.deliver(report(target, insurer, report_id=number)), Accepted)
    other = report(target, insurer, report_id=number, due_at="2026-03-26T11:15:00+04:00")
    said = await target.deliver(other)
    assert isinstance(said, Rejected)
    assert (said.permanent, said.code) == (True, "refused_content_mismatch")
    assert gateway.ledger()["effects"] == 1


async def test_look_up(gateway: InsurerProcess, insurer: Insurer, target: InsurerTarget) -> None:
    outgoing = report(target, insurer)
    assert await target.look_up(outgoing) == Evidence(False)
    gateway.plan("lose_reply")
    await target.deliver(outgoing)
    found = await target.look_up(outgoing)
    assert found == Evidence(True, gateway.ledger()["reports"][0]["acknowledgement_id"])


async def test_cancelled_at_the_last_moment_nothing_leaves(
    gateway: InsurerProcess, insurer: Insurer, target: InsurerTarget
) -> None:
    async def no() -> bool:
        return False

    said = await target.deliver(replace(report(target, insurer), still_ours=no))
    assert said == Rejected(permanent=False, code=NOT_OURS)
    assert gateway.ledger()["requests"] == []


async def test_nobody_listens(database: Database, insurer: Insurer, target: InsurerTarget) -> None:
    async with database.transaction() as session:
        await connect(session, insurer, f"http://127.0.0.1:{free_port()}")
    assert await target.deliver(report(target, insurer)) == Rejected(permanent=False, code="connect")


async def test_a_gateway_that_hangs_rests_and_does_not_keep_the_others_waiting(
    gateway: InsurerProcess, insurer: Insurer, target: InsurerTarget
) -> None:
    gateway.plan(*["slow"] * TIMEOUTS_BEFORE_REST)
    for _ in range(TIMEOUTS_BEFORE_REST):
        assert await target.deliver(report(target, insurer)) == Ambiguous("timeout")
    before = asyncio.get_running_loop().time()
    said = await target.deliver(report(target, insurer))
    assert said == Rejected(permanent=False, code="resting", retry_after=timedelta(seconds=30))
    assert asyncio.get_running_loop().time() - before < 0.5


async def test_without_a_gateway_it_waits_for_an_administrator(database: Database, target: InsurerTarget) -> None:
    async with database.transaction() as session:
        row = Insurer(code="none", name="Sans passerelle", created_at=NOW)
        session.add(row)
        await session.flush()
    said = await target.deliver(report(target, row))
    assert said == Rejected(permanent=False, code="gateway_missing", retry_after=SLOW_PACE)


def test_a_report_that_breaks_the_contract_is_not_rendered(insurer: Insurer, target: InsurerTarget) -> None:
    with pytest.raises(ValidationError):
        report(target, insurer, notes="lombalgie")


class TestSetUp:
    async def test_the_test_button(self, database: Database, gateway: InsurerProcess, insurer: Insurer) -> None:
        right = Gateway(gateway.url, KEY)
        assert (await check_gateway(right, allow_loopback=True, verify=True)).ok
        told = {
            code: (await check_gateway(asked, allow_loopback=allow, verify=True)).code
            for code, asked, allow in (
                ("gateway_401", Gateway(gateway.url, "another-key-altogether"), True),
                ("gateway_404", Gateway(gateway.url + "/elsewhere", KEY), True),
                ("gateway_connect", Gateway(f"http://127.0.0.1:{free_port()}", KEY), True),
                ("gateway_url_not_https", right, False),
                ("gateway_missing", None, True),
            )
        }
        assert told == {code: code for code in told}
        assert gateway.ledger()["requests"] == []

    async def test_the_key_is_sealed_for_its_insurer(self, database: Database, insurer: Insurer) -> None:
        async with database.reading() as session:
            row = await session.get_one(Insurer, insurer.id)
            assert row.gateway_key_sealed is not None
            assert KEY.encode() not in row.gateway_key_sealed
            gateway = open_gateway(row, sealer=SEALER)
        assert gateway is not None
        assert gateway.key == KEY
        assert KEY not in repr(gateway)

    @pytest.mark.parametrize(
        ("values", "field"),
        [
            ({"url": "ftp://insurer.example"}, "gateway_url"),
            ({"url": "https://insurer.example/" + "x" * 300}, "gateway_url"),
            ({"key": "short"}, "gateway_key"),
            ({"key": "with a space and sixteen"}, "gateway_key"),
            ({"key": "with-a-line\r\nbreak-in-it"}, "gateway_key"),
        ],
    )
    async def test_what_cannot_be_is_refused(
        self, database: Database, insurer: Insurer, values: dict[str, Any], field: str
    ) -> None:
        given: dict[str, Any] = {"url": "https://insurer.example", "key": KEY, **values}
        async with database.transaction() as session:
            row = await session.get_one(Insurer, insurer.id)
            with pytest.raises(InvalidInput) as refused:
                await set_gateway(session, row, sealer=SEALER, allow_loopback=True, actor=SERVICE, now=NOW, **given)
        assert refused.value.field == field


class TestAddress:
    """The guard against a configured address that leads inside."""

    @pytest.mark.parametrize(
        ("url", "code"),
        [
            ("http://insurer.example", "gateway_url_not_https"),
            ("http://127.0.0.1:8000", "gateway_url_not_https"),
            ("https://127.0.0.1", "gateway_url_private"),
            ("https://localhost", "gateway_url_private"),
            ("https://x.localhost", "gateway_url_private"),
            ("https://[::1]", "gateway_url_private"),
            ("https://10.0.0.8", "gateway_url_private"),
            ("https://169.254.169.254/latest", "gateway_url_private"),
            ("https://[::ffff:10.0.0.8]", "gateway_url_private"),
            ("https://[64:ff9b::a00:8]", "gateway_url_private"),
            ("https://[2002:a00:8::1]", "gateway_url_private"),
            ("https://user:pass@insurer.example", "gateway_url_invalid"),
            ("https://insurer.example/?a=b", "gateway_url_invalid"),
            ("https://insurer.example:port", "gateway_url_invalid"),
            ("https://assureur\u2024example", "gateway_url_invalid"),
            ("file:///etc/passwd", "gateway_url_invalid"),
            ("https://", "gateway_url_invalid"),
        ],
    )
    def test_refused_in_production(self, database: Database, url: str, code: str) -> None:
        with pytest.raises(InvalidInput) as refused:
            checked_address(url, allow_loopback=False)
        assert refused.value.code == code

    def test_taken_apart(self, database: Database) -> None:
        address = checked_address("https://Gateway.Insurer.example:8443/v1/", allow_loopback=False)
        assert (address.host, address.port, address.path) == ("gateway.insurer.example", 8443, "/v1")
        assert address.authority == "gateway.insurer.example:8443"
        assert checked_address("https://insurer.example", allow_loopback=False).authority == "insurer.example"

    def test_loopback_outside_production_and_nothing_else_inside(self, database: Database) -> None:
        assert checked_address("http://127.0.0.1:8000/local-insurer", allow_loopback=True).port == 8000
        for url in ("http://10.0.0.8", "https://10.0.0.8", "http://insurer.example"):
            with pytest.raises(InvalidInput):
                checked_address(url, allow_loopback=True)

    @pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "127.1"])
    async def test_a_number_that_means_loopback_is_seen_through(self, database: Database, host: str) -> None:
        address = checked_address(f"https://{host}", allow_loopback=False)
        with pytest.raises(InvalidInput):
            await resolve(address, allow_loopback=False)

    @pytest.mark.parametrize(
        ("address", "public"),
        [
            ("8.8.8.8", True),
            ("2001:4860:4860::8888", True),
            ("100.64.0.1", False),
            ("0.0.0.0", False),
            ("224.0.0.1", False),
        ],
    )
    def test_public_addresses(self, database: Database, address: str, public: bool) -> None:
        assert is_allowed(ip_address(address), allow_loopback=True) is public


class TestWaiting:
    def wait(self, **headers: str) -> timedelta | None:
        return Reply(503, headers, b"").retry_after()

    def test_retry_after(self, database: Database) -> None:
        dated = {"date": "Mon, 09 Mar 2026 08:00:00 GMT", "retry-after": "Mon, 09 Mar 2026 08:02:00 GMT"}
        assert self.wait(**{"retry-after": "120"}) == timedelta(minutes=2)
        assert self.wait(**dated) == timedelta(minutes=2)
        assert self.wait(**{"retry-after": dated["retry-after"]}) is None
        assert self.wait(**{**dated, "retry-after": "Mon, 09 Mar 2026 07:00:00 GMT"}) == timedelta(0)
        for absurd in ("-5", "soon", "٣", ""):
            assert self.wait(**{"retry-after": absurd}) is None
        assert self.wait(**{"retry-after": "9" * 40}) == LONGEST_WAIT


class TestTls:
    """The certificate is checked against the configured name, though the connection goes to the judged address."""

    @pytest.mark.parametrize(("name", "outcome"), [("localhost", None), ("insurer.example", "gateway_certificate")])
    async def test_the_name_on_the_certificate(
        self, database: Database, insurer: Insurer, tmp_path: Path, name: str, outcome: str | None
    ) -> None:
        paths = self_signed(tmp_path, name)
        asked: list[bytes] = []

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            asked.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(b"HTTP/1.1 503 Not now\r\ncontent-length: 0\r\n\r\n")
            await writer.drain()
            writer.close()

        server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server_side.load_cert_chain(*paths)
        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=server_side)
        port = server.sockets[0].getsockname()[1]
        client_side = ssl.create_default_context(cafile=str(paths[0]))
        target = InsurerTarget(database, sealer=SEALER, allow_loopback=True, verify=client_side, seconds=5)
        async with database.transaction() as session:
            await connect(session, insurer, f"https://localhost:{port}/v1")
        try:
            said = await target.deliver(report(target, insurer))
        finally:
            await target.close()
            server.close()
            await server.wait_closed()
        assert isinstance(said, Rejected)
        assert said.code == (outcome or "http_503")
        if outcome is None:
            assert asked[0].startswith(b"POST /v1/reports HTTP/1.1\r\n")
            assert f"host: localhost:{port}".encode() in asked[0].lower()


def self_signed(folder: Path, name: str) -> tuple[Path, Path]:
    """A certificate for `name` and its key, in files."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "certificate.pem", folder / "key.pem"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return paths
