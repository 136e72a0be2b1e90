# SPDX-License-Identifier: Apache-2.0
"""Organisations, members, keys at a height, policies; the genesis document."""

from hanse.identity.genesis import (
    RESERVED_CONTRACT,
    EngineValidator,
    Genesis,
    GenesisContract,
    GenesisKey,
    GenesisMember,
    GenesisOrganisation,
    GenesisPolicy,
    GenesisValidator,
    GenesisWitness,
    Rules,
    decode_genesis,
    encode_genesis,
    is_contract_name,
    is_member_id,
    is_name,
    ledger_id,
    organisation_of,
)
from hanse.identity.policy import Ballot, Policy, is_satisfied, needed
from hanse.identity.validity import is_valid_at

__all__ = [
    "RESERVED_CONTRACT",
    "Ballot",
    "EngineValidator",
    "Genesis",
    "GenesisContract",
    "GenesisKey",
    "GenesisMember",
    "GenesisOrganisation",
    "GenesisPolicy",
    "GenesisValidator",
    "GenesisWitness",
    "Policy",
    "Rules",
    "decode_genesis",
    "encode_genesis",
    "is_contract_name",
    "is_member_id",
    "is_name",
    "is_satisfied",
    "is_valid_at",
    "ledger_id",
    "needed",
    "organisation_of",
]
