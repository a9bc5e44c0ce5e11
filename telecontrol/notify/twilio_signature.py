"""Whether a status callback really comes from Twilio."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from telecontrol.config import Settings


class _Form:
    """Every received field, repeated ones too, as the validator reads them."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in pairs:
            self._values.setdefault(name, []).append(value)

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def getlist(self, name: str) -> list[str]:
        return self._values[name]


def check_signature(
    settings: Settings, path_with_query: str, form: Mapping[str, str] | Iterable[tuple[str, str]], signature: str
) -> bool:
    """Whether `signature` (header `X-Twilio-Signature`) was made with our secret for this callback.

    The address is the configured public one, whatever a proxy made of the request; `path_with_query` begins with `/` and
    `form` holds all received fields as they came.
    """
    from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]

    token = settings.twilio_auth_token.get_secret_value()
    if not token or not signature:
        return False
    pairs = form.items() if isinstance(form, Mapping) else form
    url = settings.public_url.rstrip("/") + path_with_query
    return bool(RequestValidator(token).validate(url, _Form(pairs), signature))
