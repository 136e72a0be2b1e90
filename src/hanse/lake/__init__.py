# SPDX-License-Identifier: Apache-2.0
"""Read models: derived from the ledger, rebuilt at will, needed by no proof or receipt."""
