# SPDX-License-Identifier: Apache-2.0
"""Write ``finality_cometbft.json``: evidence of ledgers of several validators, and forgeries.

Built by ``tests/verifier/build.py`` and ``engine.py``: the shortest transcription of the pages,
which shares no code with either verifier.
"""

import copy
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent))

from tests.verifier import engine  # noqa: E402  # found through the line above
from tests.verifier.build import Ledger, b64, text_key  # noqa: E402  # the same

Case = dict[str, Any]
FIRST, SECOND, THIRD = engine.POWERS, engine.CHANGES[3], engine.CHANGES[6]
LEDGER = Ledger(changes=engine.CHANGES)


def value(height: int, ledger: Ledger = LEDGER) -> dict[str, Any]:
    """Return evidence of a state value under the header of a height."""
    return copy.deepcopy(ledger.value("book", text_key("lots", "L7"), height))


def case(name: str, file: dict[str, Any], verdict: str, step: str, ledger: Ledger = LEDGER) -> Case:
    """Return a case, the digest of its file made anew."""
    sealed = ledger.sealed(file)
    return {"file": sealed, "name": name, "step": step, "trust": ledger.id, "verdict": verdict}


def genuine() -> Iterator[Case]:
    """Yield what a verifier must accept."""
    for height, name in enumerate(
        ("under the set of the genesis", "after one change", "still one", "after two changes")
    ):
        yield case(name, value(height), "valid", "withdrawal")
    yield case("a record after two changes", LEDGER.record((1, 0), 3), "valid", "withdrawal")
    yield case("withdrawn", LEDGER.record((2, 1), 3), "withdrawn", "withdrawal")
    back = Ledger(changes={3: SECOND, 5: FIRST})
    yield case("the first set again", value(3, back), "valid", "withdrawal", back)


def step(height: int, powers: engine.Powers, following: engine.Powers, votes: str = "") -> Case:
    """Return a step signed by those who have ``powers``."""
    made = engine.commit(
        "a", height, bytes(32), votes, chain=LEDGER.id, powers=powers, following=following
    )
    return made | {"next": engine.weights("a", following)}


def forged() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield certificates that lead nowhere, of a header that is genuine."""
    honest = value(3)["certificate"]
    steps = honest["steps"]
    yield "steps left out", honest | {"steps": []}
    yield "the first step left out", honest | {"steps": steps[1:]}
    yield "the last step left out", honest | {"steps": steps[:1]}
    yield "steps exchanged", honest | {"steps": steps[::-1]}
    yield "a step twice", honest | {"steps": [*steps, steps[1]]}
    yield (
        "a step that changes nothing",
        honest | {"steps": [steps[0], step(4, SECOND, SECOND), steps[1]]},
    )
    yield (
        "a step of two thirds and no more",
        honest | {"steps": [step(2, FIRST, SECOND, "2122"), steps[1]]},
    )
    yield (
        "a step signed by the set that it leads to",
        honest | {"steps": [step(2, SECOND, THIRD), steps[1]]},
    )
    yield "a step above the header", honest | {"steps": [steps[0], step(7, SECOND, THIRD)]}
    named = honest["validators"]
    yield (
        "another organisation at a key",
        honest | {"validators": [named[0] | {"organisation": "acme"}, *named[1:]]},
    )
    yield "validators not named", {k: v for k, v in honest.items() if k != "validators"}
    yield "a vote less", honest | {"votes": [honest["votes"][0], None, *honest["votes"][2:]]}
    other = Ledger(seed="b", changes=engine.CHANGES)
    yield "another ledger's certificate", value(3, other)["certificate"]


def former() -> dict[str, Any]:
    """Return a header that a former set signed after it had left."""
    file = value(3)
    file["header"] |= {"validators": b64(LEDGER.tag("validators", engine.validators("a")))}
    block_id = LEDGER.tag("header", file["header"])
    made = engine.commit("a", 7, block_id, chain=LEDGER.id)
    steps = file["certificate"]["steps"]
    return file | {"certificate": {"engine": "cometbft", **made, "steps": steps}}


def main() -> None:
    """Write the file."""
    cases = list(genuine())
    cases += [
        case(name, value(3) | {"certificate": certificate}, "not_valid", "finality")
        for name, certificate in forged()
    ]
    cases.append(case("signed by a former set", former(), "not_valid", "finality"))
    lines = ",\n".join(json.dumps(one, ensure_ascii=False, sort_keys=True) for one in cases)
    (HERE / "finality_cometbft.json").write_text(f"[\n{lines}\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main()
