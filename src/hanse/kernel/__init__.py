# SPDX-License-Identifier: Apache-2.0
"""``apply_block`` and the built-in contracts."""

from hanse.kernel.apply import FEATURES, REPLAY, Kernel
from hanse.kernel.block import Asked, Below, BlockResult, Dropped, Executed, State
from hanse.kernel.errors import (
    BlockOverBudget,
    ContractNameTaken,
    CostRulesUnknown,
    SoftwareTooOld,
)
from hanse.kernel.governance import Governance
from hanse.kernel.library import (
    BUILT_IN,
    BUILT_IN_NAMES,
    Library,
    LoweringDiffers,
    Shelved,
    load_contract,
)
from hanse.kernel.network import Network
from hanse.kernel.outcomes import (
    CHANGE_CODES,
    KERNEL_CODES,
    PROPOSAL_CODES,
    KernelCode,
    ProposalCode,
)
from hanse.kernel.registry import Registry
from hanse.kernel.view import BlockView

__all__ = [
    "BUILT_IN",
    "BUILT_IN_NAMES",
    "CHANGE_CODES",
    "FEATURES",
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
    "Network",
    "ProposalCode",
    "Registry",
    "Shelved",
    "SoftwareTooOld",
    "State",
    "load_contract",
]
