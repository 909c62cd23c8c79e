"""One word for one thing: no two classes share a name unless they are the same thing."""

import ast
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDERS = ("mttcg", "bus", "plugins", "bench/mttcg_bench")
SHARED = {
    "Aggregator": "a plugin's second half, in each plugin's module, over that of the bus",
    "Options": "a plugin's options, in each plugin's module",
    "Batch": "as a message of the wire, and as what a subscriber is given",
    "End": "as a message of the wire, and as what a subscriber is given",
    "Opened": "as a message of the wire, and as what a subscriber is given",
    "Command": "from a client to the publisher, and on to the supervisor",
    "Reason": "why native code came back, of each engine",
    "Word": "a word of the frame, of each engine",
}
"""Names that several classes have, and what thing it is."""


def test_no_two_classes_share_a_name() -> None:
    names = Counter(
        node.name
        for folder in FOLDERS
        for path in sorted((ROOT / folder).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_bytes(), str(path)))
        if isinstance(node, ast.ClassDef)
    )
    shared = {name for name, count in names.items() if count > 1}
    assert shared ^ SHARED.keys() == set()
