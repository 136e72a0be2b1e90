# SPDX-License-Identifier: Apache-2.0
"""Stand-alone verifier of Hanse evidence: a file and a trust anchor in, a verdict out."""

from hanse_verify.evidence import verify

__all__ = ["verify"]
