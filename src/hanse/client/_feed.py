# SPDX-License-Identifier: Apache-2.0
"""The feed's text (server-sent events) as values, sans I/O."""

from dataclasses import dataclass
from typing import Final

from hanse.client._http import AnswerInvalid, decode_object
from hanse.codec.canonical import JsonObject
from hanse.codec.limits import BODY_BYTES_MAX

_PATH: Final = "/v1/feed"


@dataclass(frozen=True, slots=True)
class FeedEvent:
    """A block, or a gap; ``data`` beyond height and block id is the node's word."""

    kind: str
    height: int | None
    data: JsonObject


class FeedParser:
    """Turns chunks of the stream into events; holds at most one unfinished event."""

    def __init__(self) -> None:
        """Start before the first event."""
        self._rest = b""

    def feed(self, chunk: bytes) -> list[FeedEvent]:
        """Return the events that ``chunk`` completes; comments (heartbeats) are none.

        Raises:
            AnswerInvalid: an event larger than any, or of another form.
        """
        self._rest += chunk.replace(b"\r\n", b"\n")
        *whole, self._rest = self._rest.split(b"\n\n")
        if len(self._rest) > 2 * BODY_BYTES_MAX:
            raise AnswerInvalid(path=_PATH, reason="an event does not end")
        events = [_event(block) for block in whole]
        return [event for event in events if event is not None]


def _event(block: bytes) -> FeedEvent | None:
    fields: dict[bytes, bytes] = {}
    for line in block.split(b"\n"):
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        fields[name] = fields[name] + b"\n" + value if name in fields else value
    if b"data" not in fields:
        return None
    height = fields.get(b"id", b"")
    return FeedEvent(
        kind=fields.get(b"event", b"message").decode("ascii", "replace"),
        height=int(height) if height.isdigit() else None,
        data=decode_object(fields[b"data"], _PATH),
    )
