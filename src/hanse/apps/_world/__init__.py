# SPDX-License-Identifier: Apache-2.0
"""The world generator: one seed, one world, byte for byte, on every machine and Python version."""
