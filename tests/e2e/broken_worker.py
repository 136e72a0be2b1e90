# SPDX-License-Identifier: Apache-2.0
"""The worker with a hole in it: a call whose arguments name a trick runs that, inside the lock."""

import os
import sys
from collections.abc import Callable
from typing import Any

import msgspec

from hanse.contracts import runtime
from hanse.contracts.refusals import Fault
from hanse.node import work, worker

Trick = Callable[[], Any]


def hang() -> None:
    while True:
        pass


def recurse() -> None:
    recurse()


def grow() -> None:
    held = []
    while True:
        held.append(bytes(1 << 20))


def say(data: bytes) -> None:
    os.write(1, data)


TRICKS: dict[str, Trick] = {
    "open": lambda: open("/etc/passwd"),  # noqa: SIM115, PTH123  # it must not come to that
    "fork": os.fork,
    "kill": lambda: os.kill(os.getppid(), 9),
    "exit": lambda: os._exit(0),
    "hang": hang,
    "recursion": recurse,
    "memory": grow,
    "noise": lambda: say(work.LENGTH.pack(4) + b"\xc1\xc1\xc1\xc1"),
    "length": lambda: say(b"\xff\xff\xff\xff"),
    "answer": lambda: say(_frame(work.Noted())),
    "none": lambda: say(_frame(work.Done(0, [], [], [], {}))),
}
usual = runtime.LoadedContract.call


def _frame(answer: work.Answer) -> bytes:
    data = work.encode(answer)
    return work.LENGTH.pack(len(data)) + data


def call(self: runtime.LoadedContract, reader: Any, asked: runtime.Call) -> runtime.Outcome:
    """Run the trick that the account is named after, if it is; else the contract."""
    args = msgspec.json.decode(asked.args)
    name = str(args.get("account") or args.get("customer") or "")
    outcome = usual(self, reader, asked)
    if name == "once" and not os.environ.get("TRIED"):
        raise Fault("never reached")
    if name == "foreign":
        return msgspec.structs.replace(outcome, writes={b"parameters\x00": b"{}"})
    if name in TRICKS:
        TRICKS[name]()
    return outcome


def lie(outcome: work.Done) -> work.Done:
    """Put what contract ``foreign`` wrote into the registry."""
    records = [
        work.Record(r.at, r.receipt, {"registry": changes})
        if (changes := r.writes.get("smallbank", {})).get(b"parameters\x00")
        else r
        for r in outcome.records
    ]
    return msgspec.structs.replace(outcome, records=records)


if __name__ == "__main__":
    runtime.LoadedContract.call = call  # type: ignore[method-assign]  # the hole
    told = work.done_from
    work.done_from = lambda *given: lie(told(*given))
    worker.main()
    sys.stdout.flush()
    os._exit(0)
