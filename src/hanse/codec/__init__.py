# SPDX-License-Identifier: Apache-2.0
"""Canonical bytes and the typed documents that travel."""
