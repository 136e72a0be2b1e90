# SPDX-License-Identifier: Apache-2.0
"""Block log, LMDB state, snapshots, backup."""
