# SPDX-License-Identifier: Apache-2.0
"""The web console, through the client only: ``build_console`` makes it an ASGI application."""

from hanse.console.app import build_console

__all__ = ["build_console"]
