# SPDX-License-Identifier: Apache-2.0
"""The pages of the console: one module for each thing that is looked at."""
