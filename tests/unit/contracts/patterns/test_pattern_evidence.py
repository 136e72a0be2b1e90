# SPDX-License-Identifier: Apache-2.0
"""Evidence: a digest never changes, a line never branches, custody has one holder."""

import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.contracts.patterns.pattern_bench import (
    Case,
    attempt,
    check_case,
    digest,
    rows,
    unlisted,
)

from hanse.codec.base64url import to_text
from hanse.contracts import OrganisationId, TimeMs, replace
from hanse.contracts.digests import digest_of
from hanse.contracts.patterns.evidence import (
    SALTED_TAG,
    Deposit,
    Document,
    Statement,
    TimeProof,
    is_same,
)
from hanse.crypto import SHA256
from hanse.testing.bench import START_MS, Actor, Bench
from hanse.testing.patterns.evidence import AGE_MS_MAX, Papers

COURT, POLICE = OrganisationId("court"), OrganisationId("police")
SAID = Statement(standard="PDF/A", version="3", ruleset_digest=digest("r"), verdict="accepted")
OTHER_SAID = replace(SAID, verdict="refused")
D = {name: digest("document", name) for name in "ABCDEFS"}


def paper(name: str, **changes: Any) -> Document:
    parts: dict[str, Any] = {
        "digest": D.get(name, name),
        "media_type": "application/pdf",
        "size_bytes": 10,
        "statement": SAID,
        **changes,
    }
    return Document(**parts)


def stamp(at: int = START_MS, **changes: Any) -> TimeProof:
    parts: dict[str, Any] = {
        "kind": "rfc3161",
        "digest": digest("stamp"),
        "time_ms": TimeMs(at),
        "by": COURT,
        "at_ms": TimeMs(0),
        **changes,
    }
    return TimeProof(**parts)


def world() -> tuple[Bench[Papers], dict[str, Actor]]:
    """Return police with papers: B replaced A; S is sealed; C, D and F are free; E the court's."""
    bench = Bench(Papers)
    who = {name: bench.actor(name, "clerk") for name in ("police", "court", "thief")}
    for name in "ABCDFS":
        who["police"](Papers.deposit, paper(name))
    who["court"](Papers.deposit, paper("E"))
    who["police"](Papers.supersede, D["A"], D["B"], "a typing error")
    who["police"](Papers.seal, D["S"])
    return bench, who


def pair(old: str, new: str) -> dict[str, Any]:
    return {"old": D.get(old, old), "new": D.get(new, new), "reason": "better"}


P = Papers
OLD, AHEAD = START_MS - AGE_MS_MAX - 1, START_MS + 1
BAD_STAMP = stamp(OLD, digest="x")
CASES: list[Case] = [
    ("bad_digest", "already_exists", "police", P.deposit, {"document": paper("A", size_bytes=0)}),
    ("bad_digest", "already_exists", "police", P.deposit, {"document": paper("A", media_type="")}),
    ("bad_digest", "", "police", P.deposit, {"document": paper("not a digest")}),
    ("already_exists", "", "thief", P.deposit, {"document": paper("A")}),
    ("not_found", "too_early", "police", P.add_time, {"digest": "no", "proof": BAD_STAMP}),
    ("too_early", "bad_digest", "police", P.add_time, {"digest": D["C"], "proof": BAD_STAMP}),
    (
        "too_late",
        "bad_digest",
        "thief",
        P.add_time,
        {"digest": D["C"], "proof": stamp(AHEAD, digest="x")},
    ),
    (
        "bad_digest",
        "not_source",
        "thief",
        P.add_time,
        {"digest": D["C"], "proof": stamp(digest="x")},
    ),
    ("not_source", "sealed", "thief", P.add_time, {"digest": D["S"], "proof": stamp()}),
    ("sealed", "", "police", P.add_time, {"digest": D["S"], "proof": stamp()}),
    ("not_found", "not_source", "thief", P.supersede, pair("no", "C")),
    ("not_found", "not_source", "thief", P.supersede, pair("C", "no")),
    ("wrong_state", "not_source", "thief", P.supersede, pair("C", "C")),
    ("wrong_state", "already_superseded", "police", P.supersede, pair("A", "B")),
    ("wrong_state", "", "police", P.supersede, pair("B", "A")),
    ("not_source", "already_superseded", "thief", P.supersede, pair("A", "C")),
    ("not_source", "", "police", P.supersede, pair("C", "E")),
    ("already_superseded", "sealed", "police", P.supersede, pair("A", "S")),
    ("sealed", "", "police", P.supersede, pair("S", "C")),
    ("sealed", "", "police", P.supersede, pair("C", "S")),
    ("not_found", "", "thief", P.hand_over, {"digest": "no", "to": COURT}),
    ("wrong_organisation", "sealed", "court", P.hand_over, {"digest": D["S"], "to": COURT}),
    ("sealed", "", "police", P.hand_over, {"digest": D["S"], "to": COURT}),
    ("sealed", "bad_custodian", "police", P.hand_over, {"digest": D["S"], "to": POLICE}),
    ("bad_custodian", "", "police", P.hand_over, {"digest": D["C"], "to": POLICE}),
    ("bad_custodian", "", "police", P.hand_over, {"digest": D["C"], "to": ""}),
    ("not_found", "", "thief", P.seal, {"digest": "no"}),
    ("wrong_organisation", "sealed", "court", P.seal, {"digest": D["S"]}),
    ("sealed", "", "police", P.seal, {"digest": D["S"]}),
    ("not_found", "", "thief", P.export, {"digest": "no"}),
]


@pytest.mark.parametrize("case", CASES)
def test_what_a_deposit_refuses(case: Case) -> None:
    check_case(*world(), case)


def test_every_documented_refusal_of_papers_is_in_the_table() -> None:
    assert unlisted(Bench(Papers), CASES) == []


STEPS = st.tuples(
    st.sampled_from(["deposit", "supersede", "supersede", "hand_over", "seal", "add_time"]),
    st.sampled_from(["police", "court", "thief"]),
    st.sampled_from("ABCDEFS"),
    st.sampled_from("ABCDEFS"),
)
KEPT = ("digest", "media_type", "size_bytes", "statement", "source", "at_ms", "height")


@given(st.lists(STEPS, max_size=25))
def test_lines_never_branch_and_nothing_deposited_changes(steps: list[tuple[str, ...]]) -> None:
    bench, who = world()
    first = rows(bench, "deposits")
    for name, actor, one, other in steps:
        args: dict[str, Any] = {
            "deposit": {"document": paper(one)},
            "supersede": pair(one, other),
            "hand_over": {
                "digest": D[one],
                "to": OrganisationId({"A": "court"}.get(other, "police")),
            },
            "seal": {"digest": D[one]},
            "add_time": {"digest": D[one], "proof": stamp()},
        }[name]
        attempt(who[actor], getattr(Papers, name), **args)
        now = rows(bench, "deposits")
        for key, before in first.items():
            assert all(getattr(before, f) == getattr(now[key], f) for f in KEPT)
            assert not before.sealed or before == now[key]
        first = now
    following = {key: d.superseded_by for key, d in first.items() if d.superseded_by}
    assert len(set(following.values())) == len(following)
    assert {new: old for old, new in following.items()} == {
        key: d.supersedes for key, d in first.items() if d.supersedes
    }
    for key in first:  # a line ends: it has no circle
        seen = [key]
        while seen[-1] in following:
            seen.append(following[seen[-1]])
            assert len(seen) <= len(first)
    for key, held in first.items():  # custody is one unbroken chain from the source
        hands = [c for (of, _), c in sorted(rows(bench, "hands").items()) if of == key]
        chain = [held.source, *(c.to for c in hands)]
        assert [c.frm for c in hands] == chain[:-1]
        assert chain[-1] == held.custodian


PLAIN = Deposit(
    digest=D["A"],
    media_type="t",
    size_bytes=1,
    statement=SAID,
    source=POLICE,
    custodian=POLICE,
    at_ms=TimeMs(1),
    height=1,
)


@pytest.mark.parametrize(
    "changes",
    [
        {"media_type": "u"},
        {"size_bytes": 2},
        {"statement": OTHER_SAID},
        {"source": COURT},
        {"at_ms": TimeMs(0)},
        {"height": 0},
        {"custodian": COURT},
    ],
)
def test_the_invariant_sees_what_was_changed(changes: dict[str, Any]) -> None:
    assert is_same(PLAIN, replace(PLAIN, times=1))
    assert not is_same(PLAIN, replace(PLAIN, **changes))
    assert not is_same(replace(PLAIN, sealed=True), PLAIN)
    placed = replace(PLAIN, superseded_by=D["B"], supersedes=D["C"])
    assert not is_same(placed, replace(placed, superseded_by=""))
    assert not is_same(placed, replace(placed, supersedes=D["D"]))


def test_backdated_evidence_has_the_time_of_its_block() -> None:
    bench, who = world()
    bench.pass_time(days=400)
    late = who["police"](Papers.deposit, paper(digest("late")))
    assert (late.at_ms, late.height) == (bench.now, bench.height)
    assert "at_ms" not in Document.__annotations__
    old = stamp(START_MS)  # a genuine stamp, of something else or long ago
    assert attempt(who["police"], P.add_time, digest=late.digest, proof=old) == "too_early"
    near = stamp(bench.now - AGE_MS_MAX)
    assert attempt(who["police"], P.add_time, digest=late.digest, proof=near) == "ok"
    (kept,) = who["police"](P.export, late.digest).times
    assert (kept.at_ms, kept.by) == (bench.now, "police")


def test_every_flipped_byte_of_a_document_is_seen() -> None:
    _, who = world()
    salt, document = b"s" * 16, b"The meeting was on Monday."
    found = digest_of(SHA256.tagged, SALTED_TAG, salt, document)
    assert who["thief"](P.is_of, found, salt, document)
    for place in range(len(document)):
        flipped = bytearray(document)
        flipped[place] ^= 1
        assert not who["thief"](P.is_of, found, salt, bytes(flipped))
    assert not who["thief"](P.is_of, found, b"S" * 16, document)
    assert not who["thief"](P.is_of, found, salt + document[:1], document[1:])


def test_two_documents_of_one_canonical_form_are_two_deposits() -> None:
    _, who = world()
    forms = [to_text(hashlib.sha256(text).digest()) for text in (b'{"a":1}', b'{ "a": 1 }')]
    for form in forms:
        assert attempt(who["police"], P.deposit, document=paper(form)) == "ok"


def test_a_guessed_document_is_found_by_a_plain_digest_and_not_by_a_salted_one() -> None:
    grades = [f"pupil {n}: passed".encode() for n in range(2_000)]
    plain = {to_text(hashlib.sha256(text).digest()) for text in grades}
    salted = {
        digest_of(SHA256.tagged, SALTED_TAG, hashlib.sha256(b"secret" + text).digest(), text)
        for text in grades
    }
    guesses = [to_text(hashlib.sha256(text).digest()) for text in grades]
    guesses += [digest_of(SHA256.tagged, SALTED_TAG, b"", text) for text in grades]
    assert len(plain.intersection(guesses)) == 2_000
    assert not salted.intersection(guesses)


def test_the_line_of_replacements_is_exported() -> None:
    _, who = world()
    who["police"](P.supersede, D["B"], D["C"], "again")
    who["police"](P.hand_over, D["C"], COURT)
    bundle = who["thief"](P.export, D["C"])
    assert bundle.line == [D["B"], D["A"]]
    assert [(c.frm, c.to) for c in bundle.hands] == [("police", "court")]
    assert attempt(who["police"], P.hand_over, digest=D["C"], to=POLICE) == "wrong_organisation"
