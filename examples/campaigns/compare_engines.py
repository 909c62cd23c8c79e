"""Compare the two engines in a campaign's table: python compare_engines.py RESULTS.parquet."""

import sys

import polars

BOTH = ("guest", "smp", "plugins", "repeat")
"""What two runs have in common that differ in their engine."""

runs = polars.read_parquet(sys.argv[1]).filter(polars.col("outcome") == "passed")
# harts print their lines in any order
runs = runs.with_columns(lines=polars.col("console").str.split("\n").list.sort())
llvm, unicorn = (runs.filter(polars.col("engine") == name) for name in ("llvm", "unicorn"))
pairs = llvm.join(unicorn, on=["matrix", *BOTH], suffix="_unicorn")
for (matrix,), rows in pairs.group_by("matrix", maintain_order=True):
    alone = rows.filter(polars.col("smp") == 1)
    same_output = (rows["lines"] == rows["lines_unicorn"]).all()
    same_count = (alone["instructions"] == alone["instructions_unicorn"]).all()
    said = [("output", same_output), ("instructions", same_count)]
    told = ", ".join(f"same {what}: {'yes' if same else 'NO'}" for what, same in said)
    print(f"{matrix}: {len(rows)} pairs, {told}")
