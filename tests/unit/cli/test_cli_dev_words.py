# SPDX-License-Identifier: Apache-2.0
"""What ``hanse dev`` says, and how requests wait while one node follows another."""

import asyncio
import json

import pytest

from hanse.cli.dev import Switch
from hanse.cli.dev_report import SHOWN_MAX, Reporter
from hanse.cli.project import Trouble
from hanse.errors import Malformed
from hanse.node.refounding import AlteredEntry, AlteredReceipt, Refounded

OK = {"events": [], "status": "ok"}
NO = {"code": "bad_name", "events": [], "status": "rejected"}


def receipt(before: dict, after: dict | None, reason: str = "") -> AlteredReceipt:
    return AlteredReceipt("T", "marks", "make", {"name": "a"}, "ann@alpha", before, after, reason)


def said(capsys: pytest.CaptureFixture[str], found: Refounded) -> list[str]:
    Reporter(as_json=False).reloaded(found, "LEDGER", 0.26)
    return capsys.readouterr().out.splitlines()


def test_a_change_is_told_in_a_line_for_each_difference(capsys) -> None:
    receipts = (
        receipt(OK, NO),
        receipt({**OK, "result": 1}, {**OK, "result": 2}),
        receipt(OK, None, "unknown_member"),
    )
    entries = (
        AlteredEntry("marks", 'marks["a"]', {"at": 1, "by": "x"}, {"at": 2, "by": "x"}),
        AlteredEntry("marks", 'marks["b"]', None, {"at": 1}),
        AlteredEntry("marks", 'marks["c"]', {"at": 1}, None),
        AlteredEntry("marks", "count", 1, 2),
    )
    assert said(capsys, Refounded(3, receipts, entries, 10, 12)) == [
        "reloaded in 0.3 s, 3 transactions again: this change alters 3 receipts and 4 entries",
        '  receipt  make {"name":"a"} by ann@alpha: ok → bad_name',
        '  receipt  make {"name":"a"} by ann@alpha: result 1 → 2',
        '  receipt  make {"name":"a"} by ann@alpha is gone: unknown_member',
        '  altered  marks.marks["a"] {"at":1} → {"at":2}',
        '  added    marks.marks["b"] {"at":1}',
        '  removed  marks.marks["c"] {"at":1}',
        "  altered  marks.count 1 → 2",
        "  cost     10 → 12",
        "  ledger   LEDGER",
    ]


def test_a_change_of_nothing_says_so(capsys) -> None:
    assert said(capsys, Refounded(1, (), (), 5, 5)) == [
        "reloaded in 0.3 s, 1 transaction again: this change alters no receipt and no entry",
        "  ledger   LEDGER",
    ]


def test_a_long_list_is_cut_and_counted(capsys) -> None:
    lines = said(capsys, Refounded(50, (receipt(OK, NO),) * 50, (), 0, 0))
    assert sum(line.startswith("  receipt") for line in lines) == SHOWN_MAX
    assert f"           and {50 - SHOWN_MAX} more" in lines
    Reporter(as_json=True).reloaded(Refounded(50, (receipt(OK, NO),) * 50, (), 0, 0), "L", 0.1)
    document = json.loads(capsys.readouterr().out)
    assert len(document["receipts"]["listed"]) == document["receipts"]["altered"] == 50


def test_what_is_refused_or_fails_is_told_with_its_remedy(capsys) -> None:
    reporter = Reporter(as_json=False)
    reporter.refused([Trouble("/x/c.py", 3, 5, "D108", "no float", "count")], running=True)
    assert capsys.readouterr().out.splitlines() == [
        "/x/c.py:3:5 D108 no float",
        "    count",
        "1 finding; the old code keeps running",
    ]
    reporter.failed(Malformed(reason="no name"))
    assert capsys.readouterr().out.startswith("malformed: reason=no name")
    reporter.failed(ZeroDivisionError("by zero"))
    shown = capsys.readouterr().out
    assert shown.startswith("reload_failed: reason=ZeroDivisionError('by zero')")
    assert "--fresh" in shown


class Slow:
    """An application whose one answer takes until it is let go."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.go = asyncio.Event()
        self.stopped = False
        self.answered: list[str] = []

    async def __call__(self, scope, receive, send) -> None:
        await self.go.wait()
        self.answered.append(scope["path"])

    def stop(self) -> None:
        self.stopped = True


def test_requests_wait_for_the_next_node_and_the_last_ones_end() -> None:
    async def story() -> tuple[list[str], list[str], bool]:
        switch, old, new = Switch(), Slow("old"), Slow("new")
        switch.serve(old)  # type: ignore[arg-type]  # as a gateway does
        begun = asyncio.create_task(switch({"type": "http", "path": "/1"}, None, None))
        await asyncio.sleep(0)
        holding = asyncio.create_task(switch.hold())
        await asyncio.sleep(0)
        waiting = asyncio.create_task(switch({"type": "http", "path": "/2"}, None, None))
        await asyncio.sleep(0)
        assert old.stopped
        assert not holding.done()
        old.go.set()
        await asyncio.gather(begun, holding)
        assert not waiting.done()
        new.go.set()
        switch.serve(new)  # type: ignore[arg-type]  # the same
        await waiting
        return old.answered, new.answered, new.stopped

    assert asyncio.run(story()) == (["/1"], ["/2"], False)


def test_the_server_is_told_that_all_is_well() -> None:
    received = iter(["lifespan.startup", "lifespan.shutdown"])
    sent = []

    async def receive() -> dict[str, str]:
        return {"type": next(received)}

    async def send(message: dict[str, str]) -> None:
        sent.append(message["type"])

    asyncio.run(Switch()({"type": "lifespan"}, receive, send))
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
