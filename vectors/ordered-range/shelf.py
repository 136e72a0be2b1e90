# SPDX-License-Identifier: Apache-2.0
"""The contract whose rows the vectors are of."""

from hanse.contracts import Contract, Map, Ordered


class Shelf(Contract):
    """Weights by kind and place; ``none`` stays empty, ``plain`` keeps no tree."""

    kg: Ordered[tuple[str, int], int]
    none: Ordered[str, int]
    plain: Map[str, int]
