# SPDX-License-Identifier: Apache-2.0
"""Plays a story on a running node, through its public API, as its members would."""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import msgspec

from hanse.client import AsyncClient
from hanse.client.bulk import Draft, Drafter, encode_args
from hanse.client.receipts import VerifiedReceipt
from hanse.codec.limits import COST_MAX
from hanse.contracts.app import App
from hanse.contracts.story import Anomaly, Ask, Step, Story
from hanse.crypto.signers import Signer
from hanse.errors import Refusal, Rejected

BATCH = 120  # transactions sent at once; small enough that the feed shows life
EXPIRES_IN_MS = 3_600_000
COST_BASE, COST_PER_BYTE = 4_000, 12  # units: an ample guess of what a story's step costs


@dataclass(eq=False)
class StoryFailed(Rejected):
    """A step of a story ended otherwise than it is written."""

    reason: str
    code: ClassVar[str] = "story_failed"
    hint: ClassVar[str] = "The story and the contract disagree: see the step in scenario.py."


@dataclass(slots=True)
class Played:
    """What came of a story."""

    transactions: int = 0
    refusals: int = 0
    refused: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    last_ok: str = ""
    checks: dict[str, bool] = field(default_factory=dict)
    found: list[Anomaly] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Sent:
    step: Step
    expect: str
    draft: Draft


def story_of(app: App, start_ms: int, *, seed: int = 1) -> Story | None:
    """Return the story of an app, ``None`` where it has none."""
    if app.scenario is None:
        return None
    build: Callable[..., Story] = importlib.import_module(app.scenario).build
    return build(start_ms, seed=seed)


class Player:
    """Signs and sends the steps of a story in order, and holds each outcome against the text."""

    def __init__(
        self, client: AsyncClient, signers: Mapping[str, Signer], now_ms: Callable[[], int]
    ) -> None:
        """Play on the ledger behind ``client`` with these keys."""
        self._client = client
        self._signers = signers
        self._now_ms = now_ms
        self._drafters: dict[str, Drafter] = {}
        self.played = Played()

    async def play(self, story: Story, progress: Callable[[int, int], None]) -> Played:
        """Play every step, then look at checks and anomalies.

        Raises:
            StoryFailed: an outcome differs from what the story says.
        """
        waiting: list[_Sent] = []
        for index, step in enumerate(story.steps):
            waiting += await self._drafts(step)
            if len(waiting) >= BATCH:
                await self._send(waiting)
                waiting = []
                progress(index, len(story.steps))
        await self._send(waiting)
        progress(len(story.steps), len(story.steps))
        answers = await _Answers.gather(self._client, story, self.played)
        self.played.checks = {check.name: check.holds(answers) for check in story.checks}
        self.played.found = story.detect(answers, self.played.refused)
        return self.played

    async def _drafts(self, step: Step) -> list[_Sent]:
        if step.document is None:
            calls = [(step.contract, step.action, dict(step.args or {}))]
        else:
            report = await self._client.check_format(step.format, step.document)
            if report["verdict"] == "refused":
                raise StoryFailed(f"{step.member}: {step.format} refused: {report['findings']}")
            await self._client.put_document(step.document)
            drafts: Any = report["drafts"]
            calls = [(d["contract"], d["action"], d["args"]) for d in drafts]
        expect = step.expect if len(step.expect) == len(calls) else step.expect * len(calls)
        if len(expect) != len(calls):
            raise StoryFailed(f"{step.member}: {len(step.expect)} outcomes for {len(calls)} events")
        drafter = await self._drafter(step.member)
        return [
            _Sent(step, wanted, self._draft(drafter, call))
            for call, wanted in zip(calls, expect, strict=True)
        ]

    def _draft(self, drafter: Drafter, call: tuple[str, str, dict[str, Any]]) -> Draft:
        contract, action, args = call
        raw = encode_args(args)
        cost_max = min(COST_MAX, COST_BASE + COST_PER_BYTE * len(raw))
        return drafter.draft((contract, action), raw, cost_max, self._now_ms() + EXPIRES_IN_MS)

    async def _drafter(self, member: str) -> Drafter:
        if member not in self._drafters:
            genesis = await self._client.genesis()
            self._drafters[member] = Drafter(genesis, member, "k1", self._signers[member])
        return self._drafters[member]

    async def _send(self, sent: list[_Sent]) -> None:
        outcomes = await self._client.submit_drafts([s.draft for s in sent])
        for one, outcome in zip(sent, outcomes, strict=True):
            self._check(one, outcome)

    def _check(self, one: _Sent, outcome: VerifiedReceipt | Refusal) -> None:
        step = one.step
        if isinstance(outcome, Refusal):
            raise StoryFailed(f"{step.member}: {step.label or one.draft.action}: {outcome}")
        code = outcome.code or "ok"
        self.played.transactions += 1
        if code == "ok":
            self.played.last_ok = outcome.tx
        else:
            self.played.refusals += 1
            self.played.refused.append((code, _facts(outcome)))
        if code != one.expect:
            what = step.label or one.draft.action
            raise StoryFailed(f"{step.member}: {what}: {code} instead of {one.expect}")


def _facts(receipt: VerifiedReceipt) -> Mapping[str, Any]:
    found = msgspec.json.decode(receipt.raw).get("facts")
    return found if isinstance(found, dict) else {}


class _Answers:
    """Answers the queries of a story's checks, asked beforehand: checks are plain functions."""

    @staticmethod
    async def gather(client: AsyncClient, story: Story, played: Played) -> Ask:
        """Run checks and detection until every query that they ask has been answered."""
        known: dict[tuple[str, str, bytes], Any] = {}

        class Unanswered(Exception):  # leaves the functions, never this method
            pass

        missing: list[tuple[str, str, Mapping[str, Any]]] = []

        def ask(contract: str, query: str, args: Mapping[str, Any]) -> Any:
            key = (contract, query, msgspec.json.encode(args, order="sorted"))
            if key not in known:
                missing.append((contract, query, args))
                raise Unanswered
            return known[key]

        functions: list[Callable[[Ask], object]] = [c.holds for c in story.checks]
        functions.append(lambda asked: story.detect(asked, played.refused))
        for function in functions:
            while True:
                try:
                    function(ask)
                    break
                except Unanswered:
                    contract, query, args = missing.pop()
                    key = (contract, query, msgspec.json.encode(args, order="sorted"))
                    known[key] = (await client.query(contract, query, dict(args))).result
        return ask
