# SPDX-License-Identifier: Apache-2.0
"""Every bound of Hanse, each with its unit and its reason; no other module defines one.

Bounds on which all nodes must agree are part of the ledger's ``rules`` as well; the value here is
then the ceiling. ``LIMITS`` lists them all: the reference page and the edge tests are generated.
"""

from typing import Final

# canonical JSON
JSON_DEPTH_MAX: Final = 32  # levels; what a person can still read, far below any recursion limit
INTEGER_MAX: Final = 2**53 - 1  # magnitude; JavaScript and jq agree up to here
BIG_INTEGER_BITS_MAX: Final = 256  # bits of a BigInt; amounts in any unit fit
NAME_CHARS_MAX: Final = 64  # characters of an identifier: contract, action, role, map

# transactions
TX_BYTES_MAX: Final = 256 * 1024  # bytes of one signed transaction
TX_SIGNATURES_MAX: Final = 8  # signatures on one transaction: joint authority of a few parties
NONCE_BYTES_MIN: Final = 16  # bytes; 128 random bits never collide by chance
NONCE_BYTES_MAX: Final = 32  # bytes; the digest that stands for it has as many
SIGNER_CHARS_MAX: Final = 129  # characters of member@organisation
EXPIRY_MS_MAX: Final = 24 * 3600 * 1000  # milliseconds from block time; bounds the replay window

# execution
COST_MAX: Final = 200_000  # units one transaction may use; 0.1 to 0.2 s of CPU at worst
ACTION_WRITES_MAX: Final = 1_000  # state keys written by one action
ACTION_EVENTS_MAX: Final = 1_000  # contract events emitted by one action, its calls included
CALL_DEPTH_MAX: Final = 8  # contracts that call one another in one transaction, the first included
STATE_KEY_BYTES_MAX: Final = 480  # bytes; the store's own limit is 511 with the contract's name
ORDERED_KEY_BYTES_MAX: Final = 128  # of an ordered map; its tree has at most two pages a byte
VALUE_BYTES_MAX: Final = 64 * 1024  # bytes of one state value
RECEIPT_BYTES_MAX: Final = 256 * 1024  # bytes of one receipt with its events and result
SCAN_ROWS_MAX: Final = 1_000  # rows one range read of a map returns
HINT_CHARS_MAX: Final = 400  # characters of a refusal's hint
FACTS_BYTES_MAX: Final = 8 * 1024  # bytes of a refusal's facts; more are left out of the receipt
QUERY_BYTES_MAX: Final = 1024 * 1024  # bytes of a query's result, which no receipt carries

# the contract dialect
SOURCE_BYTES_MAX: Final = 256 * 1024  # bytes of one module of a contract
SOURCE_NODES_MAX: Final = 20_000  # nodes of a module's syntax tree; bounds checker and lowering
SOURCE_DEPTH_MAX: Final = 60  # levels of a syntax tree, brackets too; far below any parser's stack
TYPE_PARTS_MAX: Final = 1_000  # parts of a type with all that its names stand for written out
LOOP_DEPTH_MAX: Final = 12  # loops and comprehensions within one another; CPython ends at 20
CALL_CHAIN_MAX: Final = 32  # functions calling one another; far below any recursion limit
TEXT_CHARS_MAX: Final = 64 * 1024  # characters or bytes of one text while a contract runs
ITEMS_MAX: Final = 20_000  # items of one list, tuple or dict while a contract runs
NESTING_MAX: Final = 16  # levels of a value that is compared or written
PACKAGE_BYTES_MAX: Final = 1024 * 1024  # bytes of a package file; seconds to check, one HTTP body
SCHEMA_PARTS_MAX: Final = 50_000  # types written out in the schema of a package; trace has 1,000
CONTRACT_FILES_MAX: Final = 32  # files of one contract: itself, its model, the patterns it uses
KEY_DEPTH_MAX: Final = 4  # tuples within one another in a state key; maps declare fewer
DICT_KEY_BITS_MAX: Final = 60  # bits of an integer dict key; below it no two hashes are equal

# blocks
BLOCK_TXS_MAX: Final = 2_000  # transactions in one block; keeps a block under a second
BLOCK_COST_MAX: Final = 2_000_000  # units in one block, about 2 s at worst
BLOCK_BYTES_MAX: Final = 8 * 1024 * 1024  # bytes of transactions in one block
BLOCK_WRITE_BYTES_MAX: Final = 16 * 1024 * 1024  # bytes of state written by one block
SUBMISSION_TXS_MAX: Final = 1_000  # transactions one gateway bundles and signs
SUBMISSION_BYTES_MAX: Final = 1024 * 1024  # bytes of one submission; 3 of the largest txs fit

# proofs
LOG_DEPTH_MAX: Final = 64  # hashes in an inclusion path; 2^64 leaves
LOG_CONSISTENCY_MAX: Final = 128  # hashes in a consistency path
BUCKET_ENTRIES_MAX: Final = 16  # entries of a trie bucket; with more it becomes an inner node
TRIE_DEPTH_MAX: Final = 64  # levels; one per half byte of a key hash
RANGE_PAGES_MAX: Final = 8_192  # pages of a proof of a range; a proof of 1,000 rows has about 300
EVIDENCE_BYTES_MAX: Final = 4 * 1024 * 1024  # bytes of an evidence file
WITNESSES_MAX: Final = 32  # witnesses a genesis may name

# the border
BODY_BYTES_MAX: Final = 1024 * 1024  # bytes of one HTTP body (documents: DOCUMENT_BYTES_MAX)
BATCH_TXS_MAX: Final = 2_000  # lines of one batch
DOCUMENT_BYTES_MAX: Final = 20 * 1024 * 1024  # bytes of a standard's document at import
HEADER_BYTES_MAX: Final = 8 * 1024  # bytes of all HTTP request headers
PENDING_TXS_MAX: Final = 20_000  # admitted transactions waiting for a block; then 429
FEED_READERS_MAX: Final = 1_000  # open feeds of one node
FEED_QUEUE_BLOCKS: Final = 64  # blocks kept for a slow reader of the feed; then a gap is announced
REQUESTS_PER_SECOND: Final = 2_000  # requests of one client address; a batch counts as one
CLOCK_SKEW_MS_MAX: Final = 60_000  # milliseconds between a header's time and a witness's clock

# the engine beside the node
ENGINE_FRAME_BYTES_MAX: Final = 128 * 1024 * 1024  # bytes of one message; its block ends at 100 MB
ENGINE_DEPTH_MAX: Final = 8  # messages within one another; ABCI's deepest has five
ENGINE_BLOCK_BYTES_MAX: Final = 16 * 1024 * 1024  # bytes of its block: 8 MiB in base64, votes
ENGINE_LOG_BYTES_MAX: Final = 16 * 1024 * 1024  # bytes of its log; as much again lies beside it
SOCKET_PATH_BYTES_MAX: Final = 103  # bytes of a unix socket's path; macOS has the least room

# genesis and registry
GENESIS_BYTES_MAX: Final = 1024 * 1024  # bytes of a genesis document
ORGANISATIONS_MAX: Final = 1_000  # organisations of a genesis
ORGANISATION_NAME_CHARS_MAX: Final = 200  # characters of an organisation's full name
ROLES_PER_MEMBER_MAX: Final = 100  # roles one member may have had over time
ROTATION_OVERLAP_BLOCKS_MAX: Final = 100_000  # blocks an old key may outlive its successor
REASON_CHARS_MAX: Final = 400  # characters of a withdrawal's reason
KEYS_PER_MEMBER_MAX: Final = 64  # keys one member may have had over time
ENGINE_VALIDATORS_MAX: Final = 100  # that vote at once; the engine's own tests reach 175
ENGINE_POWER_MAX: Final = 2**40  # of one validator; the sum stays below the engine's 2^60

# life cycle of contracts
PART_CHARS_MAX: Final = 10_000  # characters of one part of a package's text; any fits a value
PARTS_MAX: Final = 128  # parts of all texts of one package: what one proposal can read and hash
CONTRACTS_MAX: Final = 1_000  # contracts of a ledger, retired ones among them
VERSIONS_MAX: Final = 400  # versions of one contract; their list is one value
PROPOSALS_OPEN_MAX: Final = 100  # proposals that wait for ballots or their height
PROPOSAL_BLOCKS_MAX: Final = 1_000_000  # blocks for which a proposal may be open
BALLOTS_MAX: Final = 1_000  # members who vote on one proposal
SETTLED_PER_BLOCK_MAX: Final = 4  # proposals that one block settles; more wait for the next
FROZEN_BYTES_MAX: Final = 96 << 20  # of state keys, and 64 an entry, whose roots can be compared
MIGRATION_CHECKED_MAX: Final = 100  # migrated entries that invariants are shown at a time
MIGRATION_COST_MAX: Final = 10_000_000_000  # units of one migration: 10^8 entries, a day of blocks
MIGRATION_CHUNKS: Final = 4  # part of a block's budgets, one in so many, that a migration may use

# governance of the network
ATTENDANCE_BLOCKS: Final = 100  # recorded commits within which a vote shows that a validator runs
ATTENDANCE_EVERY_BLOCKS: Final = 10  # blocks between two notes of one validator's vote
WEIGHT_MAX: Final = 1_000  # of one organisation's vote

LIMITS: Final[dict[str, int]] = {
    name: value for name, value in list(globals().items()) if name.isupper() and type(value) is int
}
