"""Two machines and the network between them, as Linux network namespaces: what the network refuses goes nowhere, in silence.

Nothing of the machine's own network is touched, and nothing stays: a namespace is there as long as the process that holds it,
which ends with the test run, however that ends. Root may lay them out, and so may anybody where user namespaces are allowed.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from tests.support.needs import program

# Addresses for documentation: nobody's, and not among the private ones to which our relay refuses to pass anything on.
SERVICE = "203.0.113.2"
INSURED = "198.51.100.2"
INTERFACE = "eth0"
_STEP_SECONDS = 20


class NotPermitted(Exception):
    """This machine does not let us lay out networks; the message says what it refused."""


@dataclass(frozen=True, slots=True)
class Place:
    """One namespace."""

    holder: int
    address: str = ""

    @property
    def inside(self) -> list[str]:
        """What a command begins with to run there."""
        joins = [] if os.geteuid() == 0 else ["--user", "--preserve-credentials"]
        return [str(program("nsenter")), f"--target={self.holder}", "--net", *joins, "--"]

    def answers(self, port: int) -> bool:
        """Whether something listens there on this TCP port of loopback."""
        knock = [*self.inside, "bash", "-c", f"exec 3<>/dev/tcp/127.0.0.1/{port}"]
        return subprocess.run(knock, check=False, stderr=subprocess.DEVNULL, timeout=_STEP_SECONDS).returncode == 0

    def configure(self, *lines: str) -> None:
        """Lines for `ip`. Raises NotPermitted."""
        done = subprocess.run(
            [*self.inside, str(program("ip", "/usr/sbin/ip")), "-batch", "-"],
            check=False,
            input="\n".join(lines),
            capture_output=True,
            text=True,
            timeout=_STEP_SECONDS,
        )
        if done.returncode:
            raise NotPermitted(done.stderr.strip())


@dataclass(frozen=True, slots=True)
class Networks:
    """Everything passes between both places until `refuse_all_but`."""

    service: Place
    insured: Place
    between: Place

    def refuse_all_but(self, *tcp_ports: int) -> None:
        """Of what the insured sends, these TCP ports of the service pass; UDP passes in neither direction."""
        self.let_all_through()
        passing = [f"rule add pref 100 iif to-insured ipproto tcp dport {port} lookup main" for port in tcp_ports]
        # Dropped on the way and not answered: a browser that is told at once would have it easier than people have.
        self.between.configure(
            *passing, "rule add pref 200 iif to-insured blackhole", "rule add pref 300 ipproto udp blackhole"
        )

    def let_all_through(self) -> None:
        self.between.configure("rule flush", "rule add pref 32766 lookup main")


@contextmanager
def laid_out() -> Iterator[Networks]:
    """The networks, until the block ends. Raises NotPermitted."""
    with ExitStack() as running:
        as_root = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
        between = Place(running.enter_context(_held(["unshare", *as_root, "--net"])))
        beside = [*between.inside, "unshare", "--net"]
        service = Place(running.enter_context(_held(beside)), SERVICE)
        insured = Place(running.enter_context(_held(beside)), INSURED)
        for place, name in ((service, "to-service"), (insured, "to-insured")):
            gateway = place.address.rpartition(".")[0] + ".1"
            between.configure(
                f"link add name {name} type veth peer name {INTERFACE} netns {place.holder}",
                f"address add {gateway}/24 dev {name}",
                f"link set dev {name} up",
            )
            place.configure(
                "link set dev lo up",
                f"address add {place.address}/24 dev {INTERFACE}",
                f"link set dev {INTERFACE} up",
                f"route add default via {gateway}",
            )
        forward = [*between.inside, "sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward"]
        done = subprocess.run(forward, check=False, capture_output=True, text=True, timeout=_STEP_SECONDS)
        if done.returncode:
            raise NotPermitted(done.stderr.strip())
        yield Networks(service, insured, between)


@contextmanager
def _held(unshare: list[str]) -> Iterator[int]:
    """The process id of a program that does nothing in a namespace of its own until its input is closed."""
    command = [*unshare, "sh", "-c", "echo ready; exec cat"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        assert holder.stderr is not None
        try:
            if holder.stdout.readline() != "ready\n":
                raise NotPermitted(holder.stderr.read().strip())
            yield holder.pid
        finally:
            holder.stdin.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                holder.wait(5)
            holder.kill()
