# SPDX-License-Identifier: Apache-2.0
"""The world around simulated nodes: it owns time, order, loss, crashes and clients. One seed.

outcome = simulate(4711)
assert not outcome.violations
"""

import hashlib
import heapq
import shutil
import tempfile
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from hanse.codec.canonical import decode
from hanse.codec.documents import Transaction
from hanse.engines.simulated_messages import Message, Output, Send, Timer, Wake
from hanse.errors import HanseError
from hanse.testing.simulator.chance import Chance
from hanse.testing.simulator.checks import Checks
from hanse.testing.simulator.disk import NodeDisk
from hanse.testing.simulator.liar import Liar
from hanse.testing.simulator.node import SimulatedNode
from hanse.testing.simulator.plan import HEAL_MS, Fault, Plan, draw_plan
from hanse.testing.simulator.weather import Weather
from hanse.testing.simulator.workload import Request, build_transaction, probe

ALIVE_MS: Final = 30_000  # after the faults, within which all must be well
AGAIN_MS: Final = 1_500  # after which a client asks again
CLIENT: Final = "client"  # where requests come from, outside of every partition

Happening = Callable[[], None]


class CrashedError(Exception):
    """A process ends here, in the middle of what it does."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a run; ``trace`` is a digest of every event in it."""

    trace: str
    violations: tuple[str, ...]
    height: int
    events: int
    crashes: int
    root: str


@dataclass(slots=True)
class _Place:
    """Where a node stands: its disk for ever, its process from one crash to the next."""

    name: str
    disk: NodeDisk
    node: SimulatedNode | None = None
    life: int = 0
    armed: Fault | None = None
    countdown: int = 0


class World:
    """One run of a plan."""

    def __init__(
        self, plan: Plan, folder: Path, node_class: type[SimulatedNode] = SimulatedNode
    ) -> None:
        """Set everything up at time 0, with the nodes' files below ``folder``."""
        self.plan = plan
        self.now = 0
        self.checks = Checks()
        self.node_class = node_class
        self.events = self.crashes = 0
        self.powers: dict[bytes, int] = {}  # of validators at the end
        self._chance = Chance(f"run {plan.seed}")
        self._weather = Weather(plan.faults, self._chance)
        self._trace = hashlib.sha256()
        self._heap: list[tuple[int, int, str, Happening]] = []
        self._places = {name: _Place(name, NodeDisk(folder / name)) for name in plan.founded.nodes}
        self._names = {key: name for name, key in plan.founded.nodes.items()}
        self._liars = {
            name: Liar(kind, plan.founded.nodes[name], self._chance)
            for name, kind in plan.byzantine.items()
        }
        self._sent: dict[int, Transaction] = {}
        self._open: dict[int, Request] = {}
        self._by_tx: dict[bytes, int] = {}

    def run(self) -> Outcome:
        """Let everything happen, until all is well after the faults or the first thing is not."""
        for name in self._places:
            self._at(0, f"start {name}", partial(self._start, name))
        for fault in self.plan.faults:
            if fault.kind in {"kill", "power", "blackout"}:
                self._at(fault.at_ms, f"{fault.kind} {fault.nodes}", partial(self._arm, fault))
        for request in self.plan.requests:
            self._ask_for(request)
        last = self.plan.requests[-1].number if self.plan.requests else 0
        self._ask_for(probe(last + 1_000, HEAL_MS))
        deadline = HEAL_MS + ALIVE_MS
        while self._heap and not self.checks.violations:
            now, number, what, happening = heapq.heappop(self._heap)
            if now > deadline:
                self._report_not_alive()
                break
            self.now = now
            self.events += 1
            self._trace.update(f"{now} {number} {what}\n".encode())
            happening()
            if now > HEAL_MS and self._is_well():
                break
        return self._finish()

    @property
    def disks(self) -> dict[str, NodeDisk]:
        """What every node leaves behind."""
        return {name: place.disk for name, place in self._places.items()}

    def _finish(self) -> Outcome:
        standing = [n for n in self._honest() if hasattr(n, "log")]
        if standing:
            newest = max(standing, key=lambda node: node.engine.height)
            self.powers = dict(newest.engine.validators)
        if not self.checks.violations:
            try:
                self.checks.end(standing)
            except (AssertionError, HanseError) as error:
                self.checks.fail("I3", f"the log cannot be replayed: {error!r}")
        for place in self._places.values():
            self._close(place)
        height = max(self.checks.blocks, default=-1)
        root = self.checks.blocks[height].id.hex() if height >= 0 else ""
        self._trace.update(root.encode())
        violations = tuple(self.checks.violations)
        trace = self._trace.hexdigest()[:16]
        return Outcome(trace, violations, height, self.events, self.crashes, root)

    # time ---------------------------------------------------------------------------------------

    def _at(self, when: int, what: str, happening: Happening) -> None:
        self._number = getattr(self, "_number", 0) + 1
        heapq.heappush(self._heap, (when, self._number, what, happening))

    def _is_well(self) -> bool:
        """Whether every request has its answer and every honest node has the newest block."""
        nodes = self._honest()
        if self._open or len(nodes) < len(self._places) - len(self._liars):
            return False
        return len({node.state.block_id for node in nodes}) == 1

    def _report_not_alive(self) -> None:
        heights = {p.name: p.node.engine.height if p.node else None for p in self._places.values()}
        waiting = sorted(self._open)
        self.checks.fail("I8", f"engine heights {heights}, requests without answer {waiting}")

    def _honest(self) -> list[SimulatedNode]:
        places = [p for p in self._places.values() if p.name not in self._liars]
        return [place.node for place in places if place.node is not None]

    # nodes --------------------------------------------------------------------------------------

    def _start(self, name: str) -> None:
        place = self._places[name]
        if place.node is not None:
            return
        place.life += 1
        place.disk.folder.mkdir(parents=True, exist_ok=True)
        place.node = self.node_class(
            self.plan.founded, name, place.disk, lambda point: self._reach(place, point)
        )
        self._call(name, lambda node, clock: node.on_restart(clock))

    def _reach(self, place: _Place, point: str) -> None:
        """Die here, if it is the place that a fault has chosen."""
        if place.armed is not None:
            place.countdown -= 1
            if place.countdown <= 0:
                self._trace.update(point.encode())
                raise CrashedError(point)

    def _arm(self, fault: Fault) -> None:
        for name in fault.nodes:
            place = self._places[name]
            if place.node is None or place.armed is not None:
                continue
            place.armed, place.countdown = fault, fault.amount
            if fault.kind == "blackout" or fault.amount == 0:
                self._die(place)

    def _die(self, place: _Place) -> None:
        fault = place.armed
        assert fault is not None
        place.armed = None
        self.crashes += 1
        self._close(place)
        power = fault.kind == "power" or (fault.kind == "blackout" and fault.amount == 1)
        if power:
            place.disk.cut_power(self._chance)
        when = max(self.now + 1, fault.until_ms)
        self._at(when, f"start {place.name}", lambda: self._start(place.name))

    def _close(self, place: _Place) -> None:
        if place.node is not None and hasattr(place.node, "log"):
            place.node.stop()
        place.node = None
        place.life += 1

    def _call(self, name: str, what: Callable[[SimulatedNode, int], list[Output]]) -> None:
        """Let a node do something, look at what it did, carry out what it wants done."""
        place = self._places[name]
        node = place.node
        if node is None:
            return
        crashed = False
        try:
            what(node, self._weather.clock(self.now, name))
        except CrashedError:
            crashed = True
        except (AssertionError, HanseError) as error:
            if node.told.opened is not None and name not in self._liars:
                self.checks.restarted(node, node.told.opened)
            self.checks.fail("stop", f"{name} stopped: {error!r}, {_place_of(error)}")
            return
        if name not in self._liars:
            self._look_at(node)
        for output in node.engine.out:
            match output:
                case Send(to, message):
                    self._send(name, to, message)
                case Wake(after_ms, timer):
                    self._wake(place, after_ms, timer)
        if crashed:
            self._die(place)

    def _look_at(self, node: SimulatedNode) -> None:
        if node.told.opened is not None:
            self.checks.restarted(node, node.told.opened)
        for applied in node.told.applied:
            self.checks.applied(node, applied)
            if self._chance.happens(0.1):
                self.checks.asked(node, "ann")
        for output in node.engine.out:
            if isinstance(output, Send):
                self.checks.said(node, output)
        for receipt in node.told.answers:
            self.checks.answered(node, receipt)
            self._open.pop(self._by_tx[receipt.tx], None)

    def _wake(self, place: _Place, after_ms: int, timer: Timer) -> None:
        life = place.life

        def happen() -> None:
            if place.life == life:
                self._call(place.name, lambda node, clock: node.on_timer(clock, timer))

        self._at(self.now + after_ms, f"wake {place.name}", happen)

    def _send(self, sender: str, to: bytes | None, message: Message) -> None:
        key = self.plan.founded.nodes[sender]
        liar = self._liars.get(sender) if self.now < HEAL_MS else None
        for side, (name, other) in enumerate(self.plan.founded.nodes.items()):
            if name == sender or to not in {None, other}:
                continue
            said = message if liar is None else liar.say(message, side % 2)
            if said is None:
                continue
            for delay in self._weather.delays(self.now, sender, name):
                what = f"{type(said).__name__} {sender} {name}"
                self._at(self.now + delay, what, partial(self._deliver, key, name, said))

    def _deliver(self, sender: bytes, name: str, message: Message) -> None:
        self._call(name, lambda node, clock: node.on_message(clock, sender, message))

    # clients ------------------------------------------------------------------------------------

    def _ask_for(self, request: Request) -> None:
        self._open[request.number] = request
        times = 2 if request.twice else 1
        for _ in range(times):
            self._at(request.at_ms, f"ask {request.number}", lambda: self._try(request))

    def _try(self, request: Request) -> None:
        """Send a request to a node, and again later to another, until there is an answer."""
        if request.number not in self._open:
            return
        name = self._chance.choose([*self._places])
        tx = self._sent.get(request.number) or self._sign(request, name)
        if tx is None and self.now > HEAL_MS:
            del self._open[request.number]  # there is nothing to vote on
            return
        if tx is not None:
            self._sent[request.number] = tx
            self._by_tx[tx.id] = request.number
            for delay in self._weather.delays(self.now, CLIENT, name):
                self._at(
                    self.now + delay,
                    f"submit {request.number} {name}",
                    lambda: self._call(name, lambda node, clock: node.on_submit(clock, [tx])),
                )
        self._at(self.now + AGAIN_MS, f"ask {request.number}", lambda: self._try(request))

    def _sign(self, request: Request, name: str) -> Transaction | None:
        """Return the transaction; a vote is for what the node says that the proposal binds."""
        if not request.votes_on:
            return build_transaction(self.plan.founded, request)
        node = self._places[name].node
        if node is None:
            return None
        contract = request.name.partition(".")[0]
        _, answer = node.ask(contract, "proposal", {"number": request.votes_on})
        held = None if answer is None else decode(answer)
        if not isinstance(held, dict):
            return None
        return build_transaction(self.plan.founded, request, str(held["binds"]))


def _place_of(error: BaseException) -> str:
    """Return file and line at which an error was raised."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{Path(last.filename).name}:{last.lineno}"


def simulate(
    seed: int | Plan, node_class: type[SimulatedNode] = SimulatedNode, folder: Path | None = None
) -> Outcome:
    """Return what came of a seed, or of a plan; equal ones give equal traces.

    Args:
        seed: what is run.
        node_class: the nodes; tests put broken ones in.
        folder: for the nodes' files, which are removed afterwards; by default in memory.
    """
    plan = draw_plan(seed) if isinstance(seed, int) else seed
    memory = Path("/dev/shm")  # noqa: S108  # a folder of our own is made in it
    home = folder or (memory if memory.is_dir() else None)
    below = Path(tempfile.mkdtemp(prefix="hanse-sim-", dir=home))
    try:
        return World(plan, below, node_class).run()
    finally:
        shutil.rmtree(below)
