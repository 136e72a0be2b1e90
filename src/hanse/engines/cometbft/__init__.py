# SPDX-License-Identifier: Apache-2.0
"""CometBFT beside the node: the child process, its home, and the socket over which it asks.

CometBFT orders submissions among the validators and asks the application, over ABCI 2.0, to
judge, execute and keep them (``spec/engine-cometbft.md``). Nothing here knows what a submission
holds.
"""
