# SPDX-License-Identifier: Apache-2.0
"""Mechanisms that several apps need, each written once; their text is part of a contract's hash."""
