"""The native tables that the Unicorn engine makes of a plan's sites."""

from mttcg.engine.unicorn.frame import GOLDEN
from mttcg.engine.unicorn.sites import MASK64, SiteTables
from mttcg.instrument.plan.plan import Operation

HERE = 0x8000_0000


def test_site_tables_follow_plans() -> None:
    """Their look-up is `run_site` in hooks.py; here in Python, word by word."""

    def rows(tables: SiteTables, pc: int) -> list[tuple[int, ...]]:
        words = tables.tables[1].words.tolist()
        probed = ((pc >> 1) * GOLDEN & MASK64) >> 32
        while True:
            place = 1 + 3 * (probed & words[0])
            where, begin, count = words[place : place + 3]
            if count == 0:
                return []
            if where == pc:
                return [tuple(row) for row in tables.rows[begin : begin + count].tolist()]
            probed += 1

    tables = SiteTables(2)
    plan: dict[int, tuple[Operation, ...]] = {}
    everywhere = [HERE + 2 * number for number in range(1000)]
    for number in range(40):
        before, plan = plan, dict(plan)
        for pc in everywhere[number * 17 : number * 31]:
            plan[pc] = tuple(Operation(pc, each) for each in range(1 + (pc // 2 + number) % 3))
        if number % 5 == 4:
            plan = dict(list(plan.items())[::2])
        changed = {pc for pc in before | plan if before.get(pc) != plan.get(pc)}
        tables.follow(({}, plan), None if number % 7 == 6 else ((), changed))
        assert bool(tables.address(1)) == bool(plan)
        for pc in [*everywhere[::7], 0, HERE - 2, MASK64 - 1]:
            expected = [(each.function, each.data) for each in plan.get(pc, ())]
            assert rows(tables, pc) == expected
