# SPDX-License-Identifier: Apache-2.0
"""The node's log on standard error: stable events with facts as data, and never a payload.

An event is a word of :data:`EVENTS`; its facts are names, numbers and codes. Arguments, keys,
passphrases, query strings and messages of unexpected exceptions, which may hold a value, are never
logged. Rooms below use ``logging`` itself: ``log.info("event", extra={"facts": {...}})``.
"""

import logging
import sys
import traceback
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import msgspec

Fact = str | int | float | bool | None

FACT_CHARS_MAX: Final = 200  # characters of one fact that are written
FRAMES_MAX: Final = 8  # of a traceback, the innermost


@dataclass(frozen=True, slots=True)
class Event:
    """One kind of line."""

    level: int
    facts: tuple[str, ...]
    meaning: str


EVENTS: Final = {
    "node_starting": Event(
        logging.DEBUG, ("ledger", "node", "organisation", "version"), "The node opens its folder."
    ),
    "node_ready": Event(logging.INFO, ("height", "url"), "It serves."),
    "node_restored": Event(
        logging.WARNING,
        ("height",),
        "The first start after a restore: blocks above this height are a new history.",
    ),
    "node_stopping": Event(logging.INFO, (), "It was told to stop."),
    "node_failed": Event(
        logging.ERROR,
        ("code", "kind", "reason", "where"),
        "A fault ends the process; `hanse explain CODE` says what to do.",
    ),
    "variable_unknown": Event(
        logging.WARNING, ("name", "nearest"), "A variable looks like a setting and is none."
    ),
    "block": Event(
        logging.DEBUG, ("dropped", "height", "records"), "A block is durable and shown."
    ),
    "worker_tripped": Event(
        logging.ERROR, ("engine_height", "what"), "The locked process of the contracts fell."
    ),
    "tx_refused": Event(logging.DEBUG, ("code",), "A transaction was refused without record."),
    "request": Event(logging.DEBUG, ("method", "ms", "path", "status"), "A request was answered."),
    "request_refused": Event(
        logging.DEBUG,
        ("code", "id", "method", "path", "status"),
        "A request was refused, status 4xx; the answer's `x-request-id` is the id.",
    ),
    "request_failed": Event(
        logging.WARNING,
        ("code", "id", "method", "path", "status"),
        "The node could not answer, status 5xx; the answer's `x-request-id` is the id.",
    ),
    "gateway_fault": Event(
        logging.ERROR, ("id", "kind", "method", "path", "where"), "A bug, answered as one."
    ),
    "engine_figures_missing": Event(
        logging.WARNING, ("address", "reason"), "The engine's own figures cannot be fetched."
    ),
    "log": Event(
        logging.WARNING, ("kind", "logger", "text", "where"), "A library's own line, its first."
    ),
}

_node_log: Final = logging.getLogger("hanse.node")


def is_told(event: str) -> bool:
    """Return whether lines of ``event`` are written at all: ask before costly facts."""
    return _node_log.isEnabledFor(EVENTS[event].level)


def tell(event: str, **facts: Fact) -> None:
    """Write one line of ``event`` with ``facts``, unless its level is not written."""
    _node_log.log(EVENTS[event].level, event, extra={"facts": facts})


def fault(error: BaseException) -> dict[str, Fact]:
    """Return what may be told of an unexpected exception: its kind and where, not its message."""
    frames = traceback.extract_tb(error.__traceback__)[-FRAMES_MAX:]
    where = " < ".join(
        f"{'/'.join(f.filename.rsplit('/', 2)[-2:])}:{f.lineno} {f.name}" for f in reversed(frames)
    )
    return {"kind": type(error).__name__, "where": where}


class Lines(logging.Formatter):
    """Formats records as lines: ``json`` objects, or ``text``."""

    def __init__(self, form: str) -> None:
        super().__init__()
        self._form = form

    def format(self, record: logging.LogRecord) -> str:
        """Return the one line of ``record``."""
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        event, facts = _parts(record)
        level = record.levelname.lower()
        shown = {name: _bounded(facts[name]) for name in sorted(facts)}
        if self._form == "json":
            head = {"time": time.replace("+00:00", "Z"), "level": level, "event": event}
            return msgspec.json.encode(head | shown).decode()
        tail = " ".join(f"{name}={_plain(value)}" for name, value in shown.items())
        return f"{time[11:23]} {level:<7} {event}  {tail}".rstrip()


def _parts(record: logging.LogRecord) -> tuple[str, dict[str, Fact]]:
    """Return the event of a record and its facts; a library's line gives only its first, unfilled.

    What a library puts into its template, or says in further lines, may be a value.
    """
    facts: dict[str, Fact] | None = getattr(record, "facts", None)
    if facts is not None:
        return str(record.msg), facts
    text = str(record.msg).partition("\n")[0]
    error = record.exc_info[1] if record.exc_info else None
    raised = fault(error) if error is not None else {}
    return "log", {"logger": record.name, "text": text, **raised}


def _bounded(value: Fact) -> Fact:
    if not isinstance(value, str):
        return value
    clean = "".join(c if c.isprintable() else "?" for c in value[:FACT_CHARS_MAX])
    return clean if len(value) <= FACT_CHARS_MAX else clean + "…"


def _plain(value: Fact) -> str:
    text = str(value)
    return msgspec.json.encode(text).decode() if " " in text or '"' in text else text


def set_up(level: str, form: str) -> None:
    """Write lines of at least ``level`` to standard error; libraries speak from warnings on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Lines(form))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("hanse").setLevel(level.upper())
