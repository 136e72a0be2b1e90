# SPDX-License-Identifier: Apache-2.0
"""The transaction log and the state tries, with their proofs."""
