# SPDX-License-Identifier: Apache-2.0
"""``python -m hanse``."""

from hanse.cli import main

main()
