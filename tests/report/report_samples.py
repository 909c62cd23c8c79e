"""A result whose texts are out to break a page, and a reader of pages."""

from html.parser import HTMLParser
from typing import Any

EVIL = "<script>document.title='taken'</script>"
TEXTS = (
    EVIL,
    '"><img src=x onerror=alert(1)>',
    "</script></style><b>",
    "&amp; a\x1b[31m \ud800",
    "",
)
VOID = {"meta", "link", "br", "img"}


def vcpu(index: int, **changes: Any) -> dict[str, Any]:
    cache = {"hits": 5 * index, "misses": 4, "invalidated": 1}
    return {
        "index": index,
        "instructions": 1_000_000 * (index + 1),
        "blocks": 1000,
        "seconds_running": 0.5,
        "seconds_idle": 0.25,
        "seconds_cpu": 0.4,
        "seconds_stalled": 0.125,
        "cache": cache,
        "traps": 0,
        "interrupts": 0,
        "callbacks": 0,
        "state": "stopped",
        "pc": "0x80000040",
        "registers": None,
        "unsupported": {},
        **changes,
    }


def result(**changes: Any) -> dict[str, Any]:
    """What `RunResult.to_json` gives, with an evil text wherever somebody else's text may be."""
    counts = {"emitted": 9, "delivered": 7, "dropped": 1, "in_flight": 1, "stalled_ns": 5}
    hottest = [{"page": "0x80001000", "symbol": text, "reads": 7, "writes": 2} for text in TEXTS]
    blocks = [{"pc": EVIL, "executions": 30 - n, "cpu0": 40 - n, "cpu1": 10} for n in range(30)]
    return {
        "guest": f"{EVIL}.elf",
        "engine": "llvm",
        "host": {"processor": EVIL, "cores": 2},
        "exit_status": 70,
        "stop_reason": "the guest ended",
        "vcpus": [vcpu(0), vcpu(1, registers={"pc": "0x80000040"}, unsupported={EVIL: 3})],
        "plugins": {
            "memtrace": {"accesses": 45, "hottest": hottest},
            "hotblocks": {"hottest": blocks},
            "icount": {"vcpus": [{"cpu": 0, "instructions": 5, "blocks": 2}]},
            EVIL: {EVIL: EVIL, "list": [EVIL, 1], "flat": {EVIL: {EVIL: 1}}, "none": {}},
        },
        "ledger": {"memtrace.access": counts},
        "subscribers": [{"name": EVIL, "reason": EVIL, "ledger": {"memtrace.access": counts}}],
        "more_subscribers": {"count": 3, "ledger": {"memtrace.access": counts}},
        "failures": [f"two lines\n{EVIL}"],
        "warnings": [EVIL],
        "unsupported": [{"name": EVIL, "extension": "Zbc", "pc": "0x80000000", "symbol": EVIL}],
        "seconds": {"run": 1.5},
        **changes,
    }


class Reader(HTMLParser):
    """What a page has: tags with attributes, in order, and the text inside each kind of tag."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self.open: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
            self.texts.setdefault(tag, []).append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open:
            self.texts[self.open[-1]][-1] += data

    def count(self, tag: str) -> int:
        return sum(1 for name, _ in self.tags if name == tag)
