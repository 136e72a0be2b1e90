# SPDX-License-Identifier: Apache-2.0
"""Suites: hashing and signature rules, one per name. The pure half only.

A caller names a suite once, when a key is registered; nobody chooses an algorithm per call. Each
suite pins one verification rule, the same on every node and verifier (``spec/suites.md``),
because a signature that one node accepts and another refuses splits the ledger. What needs
randomness or a disk lives in :mod:`hanse.crypto.signers`, :mod:`hanse.crypto.keyfiles` and
:mod:`hanse.crypto.sealing`, imported by their full names.
"""

from hanse.crypto._hashing import SHA256, SM3, Hash, hash_named
from hanse.crypto._suites import SUITES, Suite, suite_named

__all__ = ["SHA256", "SM3", "SUITES", "Hash", "Suite", "hash_named", "suite_named"]
