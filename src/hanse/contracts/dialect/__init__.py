# SPDX-License-Identifier: Apache-2.0
"""The dialect of contracts: checked against one rule table, lowered to a metered text, executed.

Read in this order: ``rules`` (what is refused, and why), ``check``, ``lower``, ``program``.
"""
