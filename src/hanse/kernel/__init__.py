# SPDX-License-Identifier: Apache-2.0
"""``apply_block`` and the built-in contracts."""

from hanse.kernel.apply import (
    REPLAY,
    BlockOverBudget,
    BlockResult,
    BlockView,
    ContractNameTaken,
    CostRulesUnknown,
    Dropped,
    Kernel,
    State,
    load_contract,
)
from hanse.kernel.outcomes import KERNEL_CODES, KernelCode
from hanse.kernel.registry import Registry

__all__ = [
    "KERNEL_CODES",
    "REPLAY",
    "BlockOverBudget",
    "BlockResult",
    "BlockView",
    "ContractNameTaken",
    "CostRulesUnknown",
    "Dropped",
    "Kernel",
    "KernelCode",
    "Registry",
    "State",
    "load_contract",
]
