# SPDX-License-Identifier: Apache-2.0
"""Domain applications, discovered by being there."""
