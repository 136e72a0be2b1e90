# SPDX-License-Identifier: Apache-2.0
"""Rules on what stands in a module and in its classes."""

from typing import Final

from hanse.contracts.dialect.rules_form import Row

MODULE_RULES: Final[tuple[Row, ...]] = (
    (
        "D201",
        "A module holds its docstring, imports, constants, types, functions and classes.",
        "A module that does something when it is loaded would do it at other times elsewhere.",
        "Move the statement into an action or a function.",
        "LOTS_MAX = 100",
        "for x in (1, 2):\n    pass",
        "module",
    ),
    (
        "D202",
        "Imports are `from … import name`, without `as` and without `*`.",
        "Whoever reads the contract sees where each name comes from and what it is.",
        "Import the names themselves.",
        "from hanse.contracts import record",
        "from hanse.contracts import record as rec",
        "file",
    ),
    (
        "D203",
        "Imports come from `hanse.contracts`, its patterns, `.model` and `typing`.",
        "Other modules have clocks, files, randomness, or change with their version.",
        "Pass the value in as an argument, or write the function in `model.py`.",
        "from typing import Literal",
        "import random",
        "file",
    ),
    (
        "D204",
        "An imported name is offered by its module, and is not private there.",
        "Only what is offered keeps its meaning.",
        "Look at the reference for what is offered.",
        "from hanse.contracts import require",
        "from hanse.contracts import Meter",
        "file",
    ),
    (
        "D205",
        "Modules of a contract do not import one another in a circle.",
        "They are loaded one after the other.",
        "Move what both need into `model.py`.",
        "from hanse.contracts.patterns.gs1 import is_checked",
        "from .model import x",
        "file",
    ),
    (
        "D206",
        "A module's constants are literals that nobody can change: numbers, texts, tuples.",
        "A list or a dict at the top would be state that no block records.",
        "Use a tuple; keep what changes in a `Map` or `Value`.",
        'KINDS = ("lot", "serial")',
        "CACHE = {}",
        "module",
    ),
    (
        "D207",
        "A name is given once, and is not one of the language or of the API.",
        "Two meanings of one name mislead whoever reads the contract.",
        "Choose another name.",
        "def total(amounts: list[int]) -> int:\n    return sum(amounts)",
        "def sum(amounts: list[int]) -> int:\n    return 0",
        "module",
    ),
    (
        "D208",
        (
            "Decorators are `@record`, `@event`, and on methods `@action(role=…)`, `@query`, "
            "`@invariant`, `@migrate(from_=…, of=…)`."
        ),
        "Another decorator could replace the function by anything.",
        "Call a function inside the method instead.",
        "@record\nclass Lot:\n    kg: int",
        "@require\nclass Lot:\n    kg: int",
        "module",
    ),
    (
        "D209",
        "`APP = App(…)` is made of literals, `Panel(…)`, `Format(…)` and contracts.",
        "It describes the contract for screens; no ledger runs it.",
        "Write the app's parts out.",
        'from hanse.contracts import App\nAPP = App(name="x", title="X", contracts=())',
        'from hanse.contracts import App\nAPP = App(name="x" + "y", title="X", contracts=())',
        "module",
    ),
    (
        "D210",
        (
            "A type is one of the language, a record, `Literal[…]`, `list[…]`, `tuple[…]`, "
            "`X | None` or a name for such."
        ),
        "Types say what may be stored; they are read when the contract is loaded.",
        "See the table of types in the reference; a record must stand above its first use.",
        "Kind = Literal['lot', 'serial']",
        "Kind = list[float]",
        "module",
    ),
    (
        "D301",
        "A class has `Contract` as its only base, or is a `@record` or an `@event`.",
        "Base classes and metaclasses hide what a class does.",
        "Derive from `Contract`, or write functions.",
        "class Lots(Contract):\n    pass",
        "class Lots:\n    pass",
        "module",
    ),
    (
        "D302",
        "A record or event has a docstring and typed fields; defaults are literals or `[]`.",
        "Records are plain values with one encoding.",
        "Write a function that takes the record.",
        "@record\nclass Lot:\n    kg: int = 0",
        "@record\nclass Lot:\n    kg: int = 1 + 1",
        "module",
    ),
    (
        "D303",
        "A contract has a docstring, `name`, `version`, `uses`, declared state and methods.",
        "All state is declared, so that it is part of the ledger.",
        "Declare it as `Map` or `Value`; put constants at the top of the module.",
        "class Lots(Contract):\n    lots: Map[str, int]",
        "class Lots(Contract):\n    lots = 5",
        "module",
    ),
    (
        "D304",
        "The default of a parameter is a literal that nobody can change.",
        "A list as default would keep what one call leaves for the next.",
        "Use a tuple, or None.",
        "def f(xs: tuple[int, ...] = ()) -> int:\n    return len(xs)",
        "def f(xs: list[int] = []) -> int:\n    return len(xs)",
        "module",
    ),
    (
        "D305",
        "Parameters are named: no `*args`, no `**kwargs`, no `/`; each has a type.",
        "A transaction names its arguments, and they are checked by their types.",
        "Take a list.",
        "def f(xs: list[int]) -> int:\n    return len(xs)",
        "def f(*xs: int) -> int:\n    return len(xs)",
        "module",
    ),
    (
        "D306",
        "Functions and classes stand at the top of the module or, as methods, of a class.",
        "A function inside another keeps the other's values.",
        "Move it to the top, and pass it what it needs.",
        "pass",
        "def inner() -> int:\n    return 1",
        "body",
    ),
    (
        "D307",
        (
            "A method takes `self` first; an action or query `ctx` next, an invariant `ctx` and "
            "`change`."
        ),
        "The runtime gives them by place.",
        "Put `self, ctx: Context` first.",
        (
            "class Lots(Contract):\n    @query\n    def n(self, ctx: Context) -> int:\n"
            "        return 1"
        ),
        "class Lots(Contract):\n    @query\n    def n(ctx: Context) -> int:\n        return 1",
        "module",
    ),
    (
        "D308",
        "Where a module has `Role = Literal[…]`, what `role=` and `ctx.roles` ask for is of these.",
        "A role that is misspelt is held by nobody, and is noticed when somebody is refused.",
        "Correct the role, or add it to `Role`; an alias of another meaning has another name.",
        (
            'Role = Literal["packer", "clerk"]\n\n\nclass Shelf(Contract):\n'
            '    @action(role="packer")\n'
            '    def put(self, ctx: Context) -> None:\n        """Put."""'
        ),
        (
            'Role = Literal["packer", "clerk"]\n\n\nclass Shelf(Contract):\n'
            '    @action(role="paker")\n'
            '    def put(self, ctx: Context) -> None:\n        """Put."""'
        ),
        "module",
    ),
)
