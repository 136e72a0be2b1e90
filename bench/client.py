# SPDX-License-Identifier: Apache-2.0
"""CPU of the client per transaction: draft and sign, send in batches, decode and verify receipts.

Prints one JSON line. The node is the unit tests' fake; its CPU is not counted.

    python bench/client.py [transactions] [batch]
"""

import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "unit" / "client"))

from client_fakes import START_MS, FakeGateway, FakeLedger, signer_of

from hanse.client import Client
from hanse.client._http import Request, Response
from hanse.client.bulk import Drafter, encode_args


class Metered(FakeGateway):
    """The fake gateway, with its own CPU set apart."""

    spent_ns = 0

    def exchange(self, request: Request) -> Response:
        start = time.process_time_ns()
        try:
            return super().exchange(request)
        finally:
            self.spent_ns += time.process_time_ns() - start


def main(count: int, batch: int) -> None:
    ledger = FakeLedger()
    ledger.put = lambda *_: None
    gateway = Metered(ledger)
    client = Client(transport=gateway, trust=ledger.genesis.ledger)
    signer = signer_of("alice")
    drafters = [Drafter(ledger.genesis, f"m{n}@acme", "k1", signer) for n in range(1000)]
    start = time.process_time_ns()
    drafts = [
        drafters[n % 1000].draft(
            ("book", "put"),
            encode_args({"key": f"A{n % 10_000}", "value": n}),
            2_000,
            START_MS,
        )
        for n in range(count)
    ]
    drafted = time.process_time_ns()
    done = 0
    for place in range(0, count, batch):
        outcomes = client.submit_drafts(drafts[place : place + batch])
        done += sum(outcome.ok for outcome in outcomes)
    verified = time.process_time_ns() - gateway.spent_ns
    draft_us = (drafted - start) / count / 1000
    verify_us = (verified - drafted) / count / 1000
    report = {
        "batch": batch,
        "consistency_requests": gateway.count("/v1/consistency"),
        "cpu_us_draft": round(draft_us, 1),
        "cpu_us_total": round(draft_us + verify_us, 1),
        "cpu_us_verify": round(verify_us, 1),
        "transactions": done,
        "tx_bytes": len(drafts[0].raw),
    }
    print(json.dumps(report, sort_keys=True))


if __name__ == "__main__":
    main(*(int(a) for a in (sys.argv[1:] + ["20000", "500"][len(sys.argv) - 1 :])))
