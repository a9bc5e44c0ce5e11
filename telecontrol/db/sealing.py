"""Sealed bytes: what the database keeps but nobody reads by looking at a row.

Envelope encryption with AES-256-GCM: each record has its own data key, wrapped by the installation's key; both layers are
bound to the row they belong to, so a sealed value moved to another row does not open. Keys are named, so that a new one can
seal while the old ones still open (rotation). Purposes (medical notes, messages) derive separate keys.
"""

from __future__ import annotations

import base64
import os
import struct

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from telecontrol.errors import Misconfigured, Unavailable

_MAGIC = b"TCS1"
_NONCE = 12
_WRAPPED = 32 + 16  # a 256-bit data key and its tag


class Sealer:
    """Seals and opens for one purpose. The first of `keys` (id → 32 bytes) seals; all of them open."""

    def __init__(self, keys: dict[str, bytes], *, purpose: str) -> None:
        if not keys:
            raise Misconfigured("no sealing key")
        self._raw = dict(keys)
        self._purpose = purpose
        self._keys = {name: AESGCM(_derive(key, purpose)) for name, key in keys.items()}
        self.sealing_key_id = next(iter(keys))

    def for_purpose(self, purpose: str) -> Sealer:
        """The same installation keys, derived for another purpose."""
        return Sealer(self._raw, purpose=purpose)

    def seal(self, plain: bytes, *, bound_to: str) -> bytes:
        """Seal `plain` for the row named `bound_to` (`table:id:column`)."""
        name = self.sealing_key_id.encode()
        bound = bound_to.encode()
        data_key, key_nonce, nonce = AESGCM.generate_key(256), os.urandom(_NONCE), os.urandom(_NONCE)
        wrapped = self._keys[self.sealing_key_id].encrypt(key_nonce, data_key, bound)
        sealed = AESGCM(data_key).encrypt(nonce, plain, bound)
        return _MAGIC + struct.pack("B", len(name)) + name + key_nonce + wrapped + nonce + sealed

    def open(self, sealed: bytes, *, bound_to: str) -> bytes:
        """The bytes sealed for `bound_to`. Raises `Unavailable` when the key is missing or the value was altered or moved."""
        name, rest = _key_name(sealed)
        bound = bound_to.encode()
        key_nonce, rest = rest[:_NONCE], rest[_NONCE:]
        wrapped, rest = rest[:_WRAPPED], rest[_WRAPPED:]
        nonce, body = rest[:_NONCE], rest[_NONCE:]
        try:
            data_key = self._keys[name].decrypt(key_nonce, wrapped, bound)
            return AESGCM(data_key).decrypt(nonce, body, bound)
        except (KeyError, InvalidTag) as error:
            raise Unavailable("a sealed value does not open", code="sealed_value_unreadable") from error


def key_id_of(sealed: bytes) -> str:
    """The id of the key that sealed this value: what a rotation looks for."""
    return _key_name(sealed)[0]


def _key_name(sealed: bytes) -> tuple[str, bytes]:
    if not sealed.startswith(_MAGIC):
        raise Unavailable("not a sealed value", code="sealed_value_unreadable")
    length = sealed[4]
    return sealed[5 : 5 + length].decode(), sealed[5 + length :]


def _derive(key: bytes, purpose: str) -> bytes:
    return HKDF(SHA256(), 32, salt=None, info=f"telecontrol/{purpose}".encode()).derive(key)


def keys_from_text(text: str, *, fallback_secret: str) -> dict[str, bytes]:
    """Read `id:base64,id:base64`; with empty `text`, one key derived from `fallback_secret` (development only).

    Raises `Misconfigured` for a key that is not 32 bytes of base64.
    """
    if not text.strip():
        return {"derived": HKDF(SHA256(), 32, salt=None, info=b"telecontrol/fallback").derive(fallback_secret.encode())}
    keys: dict[str, bytes] = {}
    for part in text.split(","):
        name, _, encoded = part.strip().partition(":")
        try:
            key = base64.b64decode(encoded, validate=True)
        except ValueError as error:
            raise Misconfigured(f"sealing key {name!r} is not base64") from error
        if not name or len(name) > 32 or len(key) != 32:
            raise Misconfigured(f"sealing key {name!r} must be id:base64 of 32 bytes")
        keys[name] = key
    return keys
