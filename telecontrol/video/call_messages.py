"""What a page may say over the call's socket: checked at the door, so that nothing is checked twice inside.

The bounds are ours: a description of two tracks is 3 to 8 KB, a candidate 200 bytes. Nothing in here is ever logged: a
candidate holds an address, which is personal data.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from telecontrol.errors import InvalidInput

MAX_MESSAGE_BYTES = 64 * 1024
_Epoch = Annotated[int, Field(ge=0, le=2**31)]
_MOST_JOINED_EPOCH = 2**30
"""A page that invents a number cannot push the room's beyond what messages may carry."""
MAX_CHAT_CHARACTERS = 500
"""Of one written line between the two: a few sentences, not a letter."""
_Page = Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{8,64}$")]


class ProblemCode(StrEnum):
    """What a page can say went wrong on its side."""

    REFUSED_BY_BROWSER = "refused_by_browser"
    REFUSED_BY_SYSTEM = "refused_by_system"
    DEVICE_BUSY = "device_busy"
    NO_DEVICE = "no_device"
    NO_CAMERA = "no_camera"
    NO_MICROPHONE = "no_microphone"
    INSECURE_CONTEXT = "insecure_context"
    IN_APP_BROWSER = "in_app_browser"
    UNSUPPORTED = "unsupported"
    MICROPHONE_SILENT = "microphone_silent"
    SOUND_BLOCKED = "sound_blocked"
    NO_MEDIA = "no_media"
    OTHER = "other"


class StuckReason(StrEnum):
    NO_FRAMES = "no_frames"
    ICE_FAILED = "ice_failed"
    NEGOTIATION = "negotiation"
    FROZEN = "frozen"


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Media(_Message):
    """What a page sends now, and whether it wants to see the other (sound only: it does not).

    `showing` says what stands in the place of the face: a document held up to the camera, or the screen.
    """

    audio: bool = False
    video: bool = False
    wants_video: bool = True
    showing: Literal["", "document", "screen"] = ""


class Join(_Message):
    """First message of a socket. `epoch` and `live` say what the page already has, so that a picture is not cut."""

    type: Literal["join"]
    ticket: Annotated[str, Field(min_length=20, max_length=4096)] = Field(repr=False)
    page: _Page
    epoch: Annotated[int, Field(ge=0, le=_MOST_JOINED_EPOCH)] = 0
    live: bool = False
    ready: bool = False
    media: Media = Media()


class Try(_Message):
    """The only message of a test socket."""

    type: Literal["test"]
    ticket: Annotated[str, Field(min_length=20, max_length=4096)] = Field(repr=False)


class Ready(_Message):
    """Camera and microphone are settled, with or without them: negotiation may begin."""

    type: Literal["ready"]
    media: Media


class MediaChanged(_Message):
    type: Literal["media"]
    media: Media


class Live(_Message):
    """Frames (or sound, where no picture is sent) of the other side are decoded."""

    type: Literal["live"]
    epoch: _Epoch


class Stuck(_Message):
    type: Literal["stuck"]
    epoch: _Epoch
    reason: StuckReason = Field(strict=False)


class Restart(_Message):
    """A person asks for another try."""

    type: Literal["restart"]


class Away(_Message):
    type: Literal["away"]
    hidden: bool


class Bye(_Message):
    """The page goes: for good (somebody pressed *leave*), or perhaps to be reloaded."""

    type: Literal["bye"]
    for_good: bool


class Admit(_Message):
    type: Literal["admit"]


class LetIn(_Message):
    """The doctor lets in somebody who comes with the insured, or puts them out."""

    type: Literal["companion"]
    id: Annotated[str, Field(min_length=1, max_length=64)]
    is_in: bool


class Later(_Message):
    """The doctor has seen who waits and asks for about this long."""

    type: Literal["later"]
    minutes: Annotated[int, Field(ge=1, le=120)]


class Finish(_Message):
    """The doctor ends the call for both."""

    type: Literal["finish"]


class Problem(_Message):
    type: Literal["problem"]
    code: ProblemCode = Field(strict=False)


class Chat(_Message):
    """A written line to the other side: passed on to whoever is there, and kept nowhere."""

    type: Literal["chat"]
    text: Annotated[str, Field(max_length=MAX_CHAT_CHARACTERS, pattern=r"\S")] = Field(repr=False)


class SessionDescription(_Message):
    type: Literal["offer", "answer"]
    sdp: Annotated[str, Field(max_length=60_000)] = Field(repr=False)


class Description(_Message):
    type: Literal["description"]
    epoch: _Epoch
    description: SessionDescription


class IceCandidate(_Message):
    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)

    candidate: Annotated[str, Field(max_length=2048)] = Field(repr=False)
    sdpMid: Annotated[str, Field(max_length=64)] | None = None  # noqa: N815  (the browser's own name)
    sdpMLineIndex: Annotated[int, Field(ge=0, le=64)] | None = None  # noqa: N815
    usernameFragment: Annotated[str, Field(max_length=256)] | None = None  # noqa: N815


class Candidate(_Message):
    type: Literal["candidate"]
    epoch: _Epoch
    candidate: IceCandidate


class Pong(_Message):
    type: Literal["pong"]


class Watch(_Message):
    """First message of a socket that only hears who waits: one doctor's ticket for each room."""

    type: Literal["watch"]
    tickets: Annotated[list[Annotated[str, Field(max_length=4096)]], Field(max_length=50)] = Field(repr=False)


Message = Annotated[
    Ready
    | MediaChanged
    | Live
    | Stuck
    | Restart
    | Away
    | Bye
    | Admit
    | LetIn
    | Later
    | Finish
    | Problem
    | Chat
    | Description
    | Candidate
    | Pong,
    Field(discriminator="type"),
]
_MESSAGE: TypeAdapter[Message] = TypeAdapter(Message)
_M = TypeVar("_M", bound=_Message)


def parse(text: str) -> Message:
    """A message of a page that has joined. Raises `InvalidInput` without repeating what was said."""
    _check_size(text)
    try:
        return _MESSAGE.validate_json(text)
    except ValidationError:
        raise InvalidInput("not a message of the call", code="bad_message") from None


def parse_join(text: str) -> Join:
    """The first message. Raises `InvalidInput`."""
    return _first(Join, text)


def parse_try(text: str) -> Try:
    """The only message of a test socket. Raises `InvalidInput`."""
    return _first(Try, text)


def parse_watch(text: str) -> Watch:
    """The first message of a watching socket. Raises `InvalidInput`."""
    return _first(Watch, text)


def _first(kind: type[_M], text: str) -> _M:
    _check_size(text)
    try:
        return kind.model_validate_json(text)
    except ValidationError:
        raise InvalidInput("not a first message of the call", code="bad_message") from None


def _check_size(text: str) -> None:
    if len(text) > MAX_MESSAGE_BYTES or len(text.encode()) > MAX_MESSAGE_BYTES:
        raise InvalidInput("the message is too long", code="too_long")
