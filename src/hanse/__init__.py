# SPDX-License-Identifier: Apache-2.0
"""Hanse: a consortium ledger for Python."""

__version__ = "0.1.0"
