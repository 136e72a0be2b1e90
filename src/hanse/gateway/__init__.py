# SPDX-License-Identifier: Apache-2.0
"""The HTTP API of a node: routes, limits, problems, live feed, OpenAPI; no business rules."""

from hanse.gateway.app import Gateway, build_app
from hanse.gateway.server import AddressTaken, Running, new_event_loop, serve, start

__all__ = ["AddressTaken", "Gateway", "Running", "build_app", "new_event_loop", "serve", "start"]
