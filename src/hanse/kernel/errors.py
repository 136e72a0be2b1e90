# SPDX-License-Identifier: Apache-2.0
"""Why a ledger cannot be opened, or goes no further, on this software."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from hanse.errors import Corrupt, Misconfigured


@dataclass(eq=False)
class BlockOverBudget(Corrupt):
    """An engine proposed a block beyond the rules' budgets."""

    budget: str
    limit: int
    actual: int
    code: ClassVar[str] = "block_over_budget"
    hint: ClassVar[str] = "The proposer broke the rules; keep the block as evidence and refuse it."


@dataclass(eq=False)
class SoftwareTooOld(Misconfigured):
    """From this height on the ledger needs a feature that this software does not have."""

    feature: str
    height: int
    code: ClassVar[str] = "software_too_old"
    hint: ClassVar[str] = "Install a version of Hanse that has it, and start the node again."


@dataclass(eq=False)
class ContractNameTaken(Misconfigured):
    """Two contracts of one name, or one with a name that belongs to the ledger itself."""

    name: str
    code: ClassVar[str] = "contract_name_taken"
    hint: ClassVar[str] = "Give the contract another name; the ledger's own are taken."


@dataclass(eq=False)
class CostRulesUnknown(Misconfigured):
    """The ledger's rules count costs by a table that this version does not have."""

    cost_version: int
    known: int
    code: ClassVar[str] = "cost_rules_unknown"
    hint: ClassVar[str] = "Run the version of Hanse that the ledger was founded with."


def check_software(features: Mapping[str, int], known: Iterable[str], height: int) -> None:
    """Establish that software that has the ``known`` features may make the block of ``height``.

    Raises:
        SoftwareTooOld: one that is needed from that height on, or earlier, is not known.
    """
    for feature in sorted(features.keys() - set(known)):
        if features[feature] <= height:
            raise SoftwareTooOld(feature, features[feature])
