# SPDX-License-Identifier: Apache-2.0
"""The app ``trace``: supply chain, food safety, anti-counterfeiting."""
