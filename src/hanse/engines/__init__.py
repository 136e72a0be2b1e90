# SPDX-License-Identifier: Apache-2.0
"""What orders: embedded."""

from hanse.engines.embedded import EmbeddedEngine, QueueFull

__all__ = ["EmbeddedEngine", "QueueFull"]
