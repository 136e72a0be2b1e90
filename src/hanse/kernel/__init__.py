# SPDX-License-Identifier: Apache-2.0
"""``apply_block`` and the built-in contracts."""

from hanse.kernel.apply import (
    REPLAY,
    Asked,
    Below,
    BlockOverBudget,
    BlockResult,
    ContractNameTaken,
    CostRulesUnknown,
    Dropped,
    Executed,
    Kernel,
    State,
    load_contract,
)
from hanse.kernel.outcomes import KERNEL_CODES, KernelCode
from hanse.kernel.registry import Registry
from hanse.kernel.view import BlockView

__all__ = [
    "KERNEL_CODES",
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
    "Kernel",
    "KernelCode",
    "Registry",
    "State",
    "load_contract",
]
