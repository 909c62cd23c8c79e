"""The results as one table: a row per run, written as Parquet; needs polars."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

from mttcg.campaign.attempt import outcome_of
from mttcg.campaign.errors import ExtraMissingError, OutputDirectoryError
from mttcg.campaign.plan import PlannedRun
from mttcg.campaign.store import PART, EndedRun

FIXED_TYPES: Mapping[str, str] = {
    **dict.fromkeys(
        ("key", "run", "matrix", "guest", "guest_sha256", "engine", "outcome", "stop_reason"),
        "String",
    ),
    **dict.fromkeys(("tiers", "failure", "worker", "console", "console_sha256", "input"), "String"),
    **dict.fromkeys(("reports", "ledger"), "String"),
    **dict.fromkeys(
        ("smp", "memory", "code_cache", "quantum", "seed", "repeat", "attempts", "instructions"),
        "UInt64",
    ),
    "console_bytes": "UInt64",
    "exit_status": "Int64",
    "seconds": "Float64",
}
"""Columns that every table has, and their types in polars, whatever is in them."""
LIMITS = {"Int64": range(-(1 << 63), 1 << 63), "UInt64": range(1 << 64)}


def polars_module() -> ModuleType:
    """Import polars; ExtraMissingError if it is not there."""
    try:
        import polars
    except ImportError as error:
        raise ExtraMissingError("a campaign's table", "polars") from error
    return polars


def rows_of(
    runs: Iterable[PlannedRun], records: Mapping[str, EndedRun]
) -> Iterator[dict[str, Any]]:
    """Give the rows of the runs that have ended, in the order of the plan."""
    for run in runs:
        record = records.get(run.task.key)
        if record is not None:
            yield row_of(run, record)


def row_of(run: PlannedRun, record: EndedRun) -> dict[str, Any]:
    """Give a run's row: what it was to be, what came of it, and what its plugins found."""
    task, attempt = run.task, record.attempt
    outcome, why = outcome_of(attempt, run.expect)
    result = attempt.result or {}
    settings = task.settings
    return {
        "key": task.key,
        "run": task.title,
        "matrix": run.matrix,
        **{f"label.{name}": value for name, value in run.labels.items()},
        "guest": run.guest,
        "guest_sha256": task.guest.digest,
        "input": run.input,
        "smp": task.smp,
        "memory": settings["memory"],
        "code_cache": settings["code_cache"],
        "engine": result.get("engine", settings["engine"]),
        "tiers": result.get("tiers", settings["tiers"]),
        "deterministic": settings["deterministic"],
        "quantum": settings["quantum"],
        "seed": settings["seed"],
        **{f"set.{symbol}": value for symbol, value in settings["symbols_set"].items()},
        "plugins": [use.text for use in task.plugins],
        "repeat": task.repeat,
        "outcome": str(outcome),
        "exit_status": attempt.status,
        "stop_reason": result.get("stop_reason"),
        "failure": why or None,
        "attempts": record.attempts,
        "worker": attempt.worker or None,
        "started": datetime.fromtimestamp(attempt.started, UTC) if attempt.started else None,
        "seconds": attempt.seconds,
        **{f"seconds.{phase}": value for phase, value in result.get("seconds", {}).items()},
        **measured(result),
        "console": attempt.console,
        "console_bytes": attempt.console_bytes,
        "console_sha256": attempt.console_digest or None,
        "warnings": result.get("warnings", []),
        "reports": json.dumps(result["plugins"]) if result else None,
        "ledger": json.dumps(result["ledger"]) if result else None,
        **dict(scalars_of("report", result.get("plugins", {}))),
        **{f"host.{name}": value for name, value in result.get("host", {}).items()},
    }


def measured(result: Mapping[str, Any]) -> dict[str, Any]:
    """Give what the vCPUs did, in sum and each."""
    vcpus = result.get("vcpus")
    if vcpus is None:
        return {"instructions": None, "vcpus": None}
    return {
        "instructions": sum(vcpu["instructions"] for vcpu in vcpus),
        "vcpus": [flat_vcpu(vcpu) for vcpu in vcpus],
    }


def flat_vcpu(vcpu: Mapping[str, Any]) -> dict[str, Any]:
    """Give a vCPU's part of the result as scalars: what is of no fixed form becomes JSON."""
    found: dict[str, Any] = {}
    for name, value in vcpu.items():
        if name == "cache":
            found |= {f"cache_{kind}": count for kind, count in value.items()}
        elif isinstance(value, Mapping):
            found[name] = json.dumps(value) if value else None
        else:
            found[name] = value
    return found


def scalars_of(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Give the scalars of plugins' reports by their path, as `report.icount.total.instructions`.

    Lists have no columns of their own: they are in the column `reports`.
    """
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from scalars_of(f"{name}.{key}", inner)
    elif value is None or isinstance(value, bool | int | float | str):
        yield name, value


def write_table(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write the table, whole or not at all; OutputDirectoryError if that can't be."""
    polars = polars_module()
    columns = [series(polars, name, [row.get(name) for row in rows]) for name in columns_of(rows)]
    part = path.with_name(path.name + PART)
    try:
        polars.DataFrame(columns).write_parquet(part)
        part.replace(path)
    except OSError as error:
        raise OutputDirectoryError(path.parent, f"{path.name}: {error}") from error


def columns_of(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Give all columns that a row has; those of one group, as `report.`, stand together."""
    names = list(dict.fromkeys(name for row in rows for name in row)) or list(FIXED_TYPES)
    groups = list(dict.fromkeys(name.partition(".")[0] for name in names))
    return sorted(names, key=lambda name: groups.index(name.partition(".")[0]))


def series(polars: Any, name: str, values: list[Any]) -> Any:
    """Make a column whose type follows from its name, or else from its values."""
    if name == "started":
        return polars.Series(name, values, polars.Datetime("ms", "UTC"))
    if name in ("plugins", "warnings"):
        return polars.Series(name, values, polars.List(polars.String))
    if name == "vcpus":
        return vcpu_series(polars, name, values)
    kind = FIXED_TYPES.get(name) or scalar_type(values)
    return polars.Series(name, fitting(kind, values), getattr(polars, kind))


def vcpu_series(polars: Any, name: str, values: list[Any]) -> Any:
    """Make a column of lists of objects, one for each vCPU."""
    vcpus = [vcpu for row in values for vcpu in row or ()]
    fields = dict.fromkeys(field for vcpu in vcpus for field in vcpu)
    kinds = {field: scalar_type([vcpu.get(field) for vcpu in vcpus]) for field in fields}
    types = {field: getattr(polars, kind) for field, kind in kinds.items()}
    if not types:  # no run has a result
        return polars.Series(name, values, polars.List(polars.String))
    return polars.Series(name, values, polars.List(polars.Struct(types)))


def scalar_type(values: Iterable[Any]) -> str:
    """Name the type in polars that holds all these scalars exactly; text holds anything."""
    there = [value for value in values if value is not None]
    kinds = {type(value) for value in there}
    if kinds == {bool}:
        return "Boolean"
    if kinds == {int}:
        fits = [name for name, limits in LIMITS.items() if all(v in limits for v in there)]
        return fits[0] if fits else "String"
    if kinds and kinds <= {int, float}:
        return "Float64"
    return "String"


def fitting(kind: str, values: list[Any]) -> list[Any]:
    """Turn what is no text into JSON where a column is text; integers into floats."""
    if kind == "String":
        return [v if v is None or isinstance(v, str) else json.dumps(v) for v in values]
    if kind == "Float64":
        return [v if v is None else float(v) for v in values]
    return values
