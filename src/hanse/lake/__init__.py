# SPDX-License-Identifier: Apache-2.0
"""Read models. Empty until its issue: see docs/STATUS.md."""
