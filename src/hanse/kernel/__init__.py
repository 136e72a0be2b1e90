# SPDX-License-Identifier: Apache-2.0
"""``apply_block`` and the built-in contracts."""

from hanse.kernel.apply import (
    REPLAY,
    BlockOverBudget,
    ContractNameTaken,
    CostRulesUnknown,
    Kernel,
)
from hanse.kernel.block import Asked, Below, BlockResult, Dropped, Executed, State
from hanse.kernel.governance import Governance
from hanse.kernel.library import BUILT_IN, Library, LoweringDiffers, Shelved, load_contract
from hanse.kernel.outcomes import KERNEL_CODES, PROPOSAL_CODES, KernelCode, ProposalCode
from hanse.kernel.registry import Registry
from hanse.kernel.view import BlockView

__all__ = [
    "BUILT_IN",
    "KERNEL_CODES",
    "PROPOSAL_CODES",
    "REPLAY",
    "Asked",
    "Below",
    "BlockOverBudget",
    "BlockResult",
    "BlockView",
    "ContractNameTaken",
    "CostRulesUnknown",
    "Dropped",
    "Executed",
    "Governance",
    "Kernel",
    "KernelCode",
    "Library",
    "LoweringDiffers",
    "ProposalCode",
    "Registry",
    "Shelved",
    "State",
    "load_contract",
]
