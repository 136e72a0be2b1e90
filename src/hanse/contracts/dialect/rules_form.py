# SPDX-License-Identifier: Apache-2.0
"""Rules on the text itself: its size, its letters, its literals."""

from typing import Final, Literal

Row = tuple[str, str, str, str, str, str, Literal["file", "module", "body"]]
"""Id, title, reason, remedy, accepted example, refused example, frame of the examples.

In an example ``{{a*3}}`` stands for ``aaa``.
"""

FORM_RULES: Final[tuple[Row, ...]] = (
    (
        "D101",
        "The file is Python that every supported version reads.",
        "What one version reads and another does not would split the network.",
        "Correct the place that is named; write line ends as plain newlines.",
        "x = (1, 2)",
        "x = (1, 2",
        "module",
    ),
    (
        "D102",
        "A file has at most 256 KiB.",
        "The work of checking it must be bounded.",
        "Move parts into `model.py` or a pattern.",
        '"""{{words *100}}"""',
        '"""{{words *50000}}"""',
        "file",
    ),
    (
        "D103",
        "A file has at most 20,000 nodes of syntax.",
        "The work of checking and running it must be bounded.",
        "Move parts into `model.py`, or data into the state.",
        "x = ({{1, *100}})",
        "x = ({{1, *20000}})",
        "module",
    ),
    (
        "D104",
        "Syntax nests at most 60 levels (an `elif` is one), loops and comprehensions at most 12.",
        "Parsers recurse, and the stack of another node may be smaller; one Python even crashes.",
        "Name a part of the expression, or move it into a function.",
        "x = {{(*40}}1{{)*40}}",
        "x = {{(*70}}1{{)*70}}",
        "module",
    ),
    (
        "D105",
        "Identifiers and operators are ASCII; texts and comments may be in any language.",
        "Letters that look alike would name different things.",
        "Write the name in ASCII.",
        'x = "größe"  # naïve',
        "größe = 1",
        "module",
    ),
    (
        "D106",
        "Names begin with a letter and have at most 64 characters; `_name` is a private function.",
        "Names with underscores reach Python's own machinery.",
        "Choose another name; a value that is not needed is called `_`.",
        "for _ in xs:\n    pass",
        "n = ctx.__class__",
        "body",
    ),
    (
        "D107",
        "A text uses the escapes \\\\, \\', \\\", \\n, \\r, \\t, \\0, \\x, \\u, \\U and \\N.",
        "Python warns of others, or turns the warning into an error, as it is started.",
        "Double the backslash, or write the character itself.",
        'x = "a\\n\\u20ac"',
        'x = "a\\d"',
        "module",
    ),
    (
        "D108",
        "There is no float and no complex number.",
        "They round, and rounding is not the same everywhere.",
        "Count in the smallest unit, an integer; scale rates; see `mul_div`.",
        "RATE_PPM = 19_000",
        "RATE = 0.019",
        "module",
    ),
    (
        "D109",
        "A literal is an integer below 2^256, or a text of at most 64 KiB.",
        "These are the bounds of values while a contract runs.",
        "Split the text, or keep the number as text.",
        "x = 2_000_000_000",
        "x = 0x1{{0*64}}",
        "module",
    ),
    (
        "D110",
        (
            "In an f-string, what stands in braces has no backslash, no # and no quote of the "
            "f-string's own kind."
        ),
        "Python 3.11 does not read what later versions do.",
        "Give the expression a name on the line before.",
        "text = f\"{text} {'x'}\"",
        'text = f"{"x"}"',
        "body",
    ),
    (
        "D111",
        "A constant is an integer, text, bytes, True, False or None.",
        "Other constants have no meaning on a ledger.",
        "Leave `...` out; write `pass` for an empty body.",
        "pass",
        "n = ...",
        "body",
    ),
)
