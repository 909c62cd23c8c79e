"""What a running guest has counted, asked for from outside."""

from collections.abc import Callable

from run_harness import Running, guest

from mttcg_bus import ask_snapshot


def test_a_snapshot_has_counters_and_block_tables_of_a_run(
    start: Callable[..., Running],
) -> None:
    options = ["--smp", "2", "--plugin", "icount", "--plugin", "hotblocks"]
    running = start(guest("spin"), *options, "--bus", "tcp://127.0.0.1:*")
    running.read(until=b"spinning on 2 harts\n")
    url = next(word for word in running.stderr.split() if word.startswith("tcp://"))
    first, second = ask_snapshot(url), ask_snapshot(url)
    assert first.run.smp == 2
    assert first.run.plugins == ("icount", "hotblocks")
    assert "_start" in {name for _, _, name in first.run.symbols}
    counted = [snapshot.counters["icount"]["total"]["instructions"] for snapshot in (first, second)]
    assert 0 < counted[0] <= counted[1]
    assert [(table.plugin, table.cpu) for table in first.tables] == [
        ("hotblocks", 0),
        ("hotblocks", 1),
    ]
    for early, late in zip(first.tables, second.tables, strict=True):
        executions = dict(early.records[["pc", "executions"]].tolist())
        assert executions
        for pc, count in late.records[["pc", "executions"]].tolist():
            assert executions.get(pc, 0) <= count
    assert all(number == 0 for number in first.next.values())
