# SPDX-License-Identifier: Apache-2.0
"""Contracts with names that belong to the ledger itself."""

from hanse.contracts import Contract


class Imposter(Contract):
    """Would be the registry."""

    name = "registry"


class Window(Contract):
    """Would be the replay window."""

    name = "replay"
