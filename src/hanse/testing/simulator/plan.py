# SPDX-License-Identifier: Apache-2.0
"""What a seed means: a network, the requests of its clients, the faults that happen to it."""

from dataclasses import dataclass
from typing import Final, Literal

from hanse.testing.simulator.chance import Chance
from hanse.testing.simulator.founding import found_network
from hanse.testing.simulator.node import Founded
from hanse.testing.simulator.workload import Request, draw_requests

WORK_MS: Final = 5_000  # in which requests are made and faults begin
HEAL_MS: Final = 7_500  # from when on nothing is wrong any more

Kind = Literal[
    "kill", "power", "blackout", "partition", "one_way", "loss", "delay", "duplicate", "skew",
    "equivocate", "withhold", "waver", "misbuild",
]  # fmt: skip
BYZANTINE: Final[tuple[Kind, ...]] = ("equivocate", "withhold", "waver", "misbuild")
KINDS: Final[tuple[Kind, ...]] = (
    "kill", "kill", "power", "power", "blackout", "partition", "partition", "one_way", "loss",
    "delay", "duplicate", "skew",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is wrong from ``at_ms`` until ``until_ms`` of virtual time.

    ``amount`` is, by kind: the crash point from ``at_ms`` on at which a node dies (0: at once), the
    percentage of messages, milliseconds of delay or of a clock's error.
    """

    kind: Kind
    at_ms: int
    until_ms: int
    nodes: tuple[str, ...] = ()
    amount: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """All that a run depends on."""

    seed: int
    founded: Founded
    requests: tuple[Request, ...]
    faults: tuple[Fault, ...]

    @property
    def byzantine(self) -> dict[str, str]:
        """The nodes that break the rules, and how."""
        return {f.nodes[0]: f.kind for f in self.faults if f.kind in BYZANTINE}


def draw_plan(seed: int) -> Plan:
    """Return what ``seed`` means."""
    chance = Chance(f"plan {seed}")
    size = chance.choose((4, 4, 4, 4, 4, 4, 4, 5, 7, 1))
    observers = 1 if chance.happens(0.3) else 0
    founded = found_network(size, observers)
    faults = draw_faults(chance, founded)
    honest = not any(fault.kind in BYZANTINE for fault in faults)
    count = chance.between(20, 40)
    requests = draw_requests(chance, founded, count, WORK_MS, honest=honest)
    return Plan(seed, founded, requests, faults)


def draw_faults(chance: Chance, founded: Founded) -> tuple[Fault, ...]:
    """Return faults that all end before the network must be well again.

    Nodes that break the rules, or whose clock is wrong by a day, are less than a third.
    """
    validators = [name for name, key in founded.nodes.items() if key in founded.powers]
    some = [*founded.nodes]
    faults: list[Fault] = []
    evil = (len(validators) - 1) // 3
    for number in range(evil):
        if chance.happens(0.6):
            kind = chance.choose(BYZANTINE)
            faults.append(Fault(kind, 0, HEAL_MS, (validators[number],)))
        elif chance.happens(0.3):
            day = chance.between(-86_400_000, 86_400_000)
            faults.append(Fault("skew", 0, HEAL_MS, (validators[number],), day))
    sane = [name for name in some if name not in {f.nodes[0] for f in faults}]
    for _ in range(chance.below(7)):
        kind = chance.choose(KINDS)
        start = chance.below(WORK_MS)
        until = min(HEAL_MS, start + chance.between(100, 3_000))
        if kind == "blackout":
            faults.append(Fault(kind, start, until, tuple(sane), chance.below(2)))
        elif kind in {"partition", "one_way"}:
            side = tuple(name for name in some if chance.happens(0.5))
            faults.append(Fault(kind, start, until, side))
        elif kind in {"loss", "duplicate"}:
            faults.append(Fault(kind, start, until, (), chance.between(1, 30)))
        elif kind == "delay":
            faults.append(Fault(kind, start, until, (), chance.between(50, 300)))
        elif kind == "skew":
            off = chance.between(-20_000, 20_000)
            faults.append(Fault(kind, start, until, (chance.choose(sane),), off))
        else:
            point = chance.below(16)
            faults.append(Fault(kind, start, until, (chance.choose(sane),), point))
    return tuple(faults)
