"""Where a report may be sent: the guard on a configured address (PROMISES §4.8, server-side request forgery).

https only, to public addresses only. Plain http and loopback are allowed together, on this machine, outside production.
The name is resolved once, every address it has is judged, and the connection then goes to one of those: a name that resolves
differently a moment later changes nothing.
"""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

from telecontrol.errors import InvalidInput

_TRANSLATED = (ip_network("64:ff9b::/96"), ip_network("64:ff9b:1::/48"))
"""NAT64: an IPv4 address in an IPv6 one."""


@dataclass(frozen=True, slots=True)
class Address:
    """A gateway's base address, taken apart."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """What the Host header says."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = {"https": 443, "http": 80}[self.scheme]
        return host if self.port == usual else f"{host}:{self.port}"


def checked_address(url: str, *, allow_loopback: bool) -> Address:
    """The address of a gateway as configured. Raises `InvalidInput` (field `gateway_url`) when it may not be used.

    The names it has are judged later, by `resolve`.
    """
    parts = urlsplit(url.strip())
    try:
        port = parts.port
    except ValueError:
        raise _refused("the port is not a number", "gateway_url_invalid") from None
    host = (parts.hostname or "").rstrip(".")
    if not host or not host.isascii() or parts.scheme not in ("https", "http") or parts.query or parts.fragment:
        raise _refused("an https address without query", "gateway_url_invalid")
    if parts.username is not None or parts.password is not None:
        raise _refused("no user or password in the address: the key has its own field", "gateway_url_invalid")
    if parts.scheme == "http" and not (allow_loopback and _names_loopback(host)):
        raise _refused("reports travel over https only", "gateway_url_not_https")
    literal = _literal(host)
    if literal is not None and not is_allowed(literal, allow_loopback=allow_loopback):
        raise _refused("not a public address", "gateway_url_private")
    if literal is None and _names_loopback(host) and not allow_loopback:
        raise _refused("not a public address", "gateway_url_private")
    return Address(parts.scheme, host, port or {"https": 443, "http": 80}[parts.scheme], parts.path.rstrip("/"))


async def resolve(address: Address, *, allow_loopback: bool) -> list[str]:
    """The addresses to connect to, in the resolver's order.

    Raises `OSError` when the name does not resolve, `InvalidInput` when any of its addresses may not be used.
    """
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    for text in addresses:
        if not is_allowed(ip_address(text.partition("%")[0]), allow_loopback=allow_loopback):
            raise _refused("the name leads to an address that is not public", "gateway_url_private")
    return addresses


def is_allowed(address: IPv4Address | IPv6Address, *, allow_loopback: bool) -> bool:
    """Whether a report may be sent to this address; an IPv4 address inside an IPv6 one is judged as itself."""
    inner = _inner(address)
    if inner is not None:
        return is_allowed(inner, allow_loopback=allow_loopback)
    if address.is_loopback:
        return allow_loopback
    return address.is_global and not address.is_multicast


def _inner(address: IPv4Address | IPv6Address) -> IPv4Address | None:
    if isinstance(address, IPv4Address):
        return None
    if any(address in network for network in _TRANSLATED):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)


def _names_loopback(host: str) -> bool:
    literal = _literal(host)
    if literal is not None:
        return literal.is_loopback
    return host.lower() == "localhost" or host.lower().endswith(".localhost")


def _literal(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _refused(message: str, code: str) -> InvalidInput:
    return InvalidInput(message, field="gateway_url", code=code)
