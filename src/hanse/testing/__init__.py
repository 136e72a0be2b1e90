# SPDX-License-Identifier: Apache-2.0
"""Helpers for tests of contracts and apps."""
