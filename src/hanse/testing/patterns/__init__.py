# SPDX-License-Identifier: Apache-2.0
"""One small contract for each pattern: what its tests run and its page shows."""
