# SPDX-License-Identifier: Apache-2.0
"""Many nodes in one process, virtual time, one seed: what a network does when everything fails."""
