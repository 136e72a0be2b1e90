# SPDX-License-Identifier: Apache-2.0
"""Lines of the log: known events with known facts, one line each, and nothing of a payload."""

import ast
import json
import logging
from pathlib import Path

import pytest

import hanse
from hanse.node.logs import EVENTS, FACT_CHARS_MAX, Lines, tell

SOURCE = Path(hanse.__file__).parent


def line(record: logging.LogRecord, form: str = "json") -> str:
    return Lines(form).format(record)


def told(caplog: pytest.LogCaptureFixture) -> logging.LogRecord:
    return caplog.records[-1]


def test_an_event_is_one_json_object_with_its_facts(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "hanse")
    tell("block", height=7, records=3, dropped=0)
    shown = json.loads(line(told(caplog)))
    assert shown.pop("time").endswith("Z")
    assert shown == {"dropped": 0, "event": "block", "height": 7, "level": "debug", "records": 3}
    assert line(told(caplog), "text").endswith("debug   block  dropped=0 height=7 records=3")


@pytest.mark.parametrize("form", ["json", "text"])
def test_a_fact_cannot_forge_a_second_line(caplog: pytest.LogCaptureFixture, form: str) -> None:
    tell("variable_unknown", name='HANSE_"\n{"event":"node_ready"}\r\x1b[0m', nearest="x" * 500)
    shown = line(told(caplog), form)
    assert "\n" not in shown
    assert "\r" not in shown
    assert "\x1b" not in shown
    assert "x" * FACT_CHARS_MAX + "…" in shown
    assert "x" * (FACT_CHARS_MAX + 1) not in shown


def test_an_unexpected_exception_shows_its_kind_and_place_but_not_its_message(
    caplog: pytest.LogCaptureFixture,
) -> None:
    log = logging.getLogger("somebody.elses")
    try:
        raise KeyError("canary")  # noqa: TRY301 - the traceback is wanted
    except KeyError:
        log.exception("a task died\nfuture: %s", "canary")
    for form in ("json", "text"):
        shown = line(told(caplog), form)
        assert "canary" not in shown
        assert "KeyError" in shown
        assert "test_logs.py" in shown
        assert "a task died" in shown


def calls() -> dict[str, set[str]]:
    """Return the events that the source tells, each with the facts it names."""
    found: dict[str, set[str]] = {}
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if "tests" in path.parts or not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            first = node.args[0] if node.args else None
            if name == "tell" and isinstance(first, ast.Constant) and isinstance(first.value, str):
                named = {k.arg for k in node.keywords if k.arg is not None}
                found.setdefault(first.value, set()).update(named)
    return found


def test_every_event_that_is_told_stands_in_the_table_with_its_facts() -> None:
    found = calls()
    assert set(found) <= set(EVENTS)
    for event, facts in found.items():
        assert facts <= set(EVENTS[event].facts), event
    elsewhere = {"log", "request_refused", "request_failed"}  # told by the formatter, by a variable
    assert set(EVENTS) - set(found) == elsewhere
