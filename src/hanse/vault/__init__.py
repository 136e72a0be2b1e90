# SPDX-License-Identifier: Apache-2.0
"""Documents kept byte for byte beside the ledger."""
