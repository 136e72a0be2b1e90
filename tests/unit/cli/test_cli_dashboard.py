# SPDX-License-Identifier: Apache-2.0
"""The table of a local network: what each node says, who is silent, a fork in plain words."""

from hanse.cli.dashboard import Seen, drawn

URL = "http://127.0.0.1:1"


def test_each_node_has_a_line() -> None:
    lines = drawn(
        [
            Seen("acme", URL, 12, 11, "Qoj-002l"),
            Seen("bank", URL, 9, 9, "x8Yq7T1a", ("catching_up",)),
            Seen("city", URL),
        ]
    )
    assert [line.split() for line in lines] == [
        ["node", "height", "proved", "state", "root"],
        ["acme", "12", "11", "Qoj-002l", "ready"],
        ["bank", "9", "9", "x8Yq7T1a", "catching_up"],
        ["city", "-", "-", "-", "no", "answer"],
    ]


def test_one_height_with_two_states_is_said_out_loud() -> None:
    lines = drawn([Seen("acme", URL, 7, 7, "aaaaaaaa"), Seen("bank", URL, 7, 7, "bbbbbbbb")])
    assert lines[-1].startswith("THE STATE DIFFERS at height 7")
    lines = drawn([Seen("acme", URL, 7, 7, "aaaaaaaa"), Seen("bank", URL, 8, 8, "bbbbbbbb")])
    assert len(lines) == 3
