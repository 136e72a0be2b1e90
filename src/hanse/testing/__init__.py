# SPDX-License-Identifier: Apache-2.0
"""What tests of contracts, of apps and of the kernel use; no running node needs it."""
