"""Results as JSON, and back: whatever shows, compares or documents a run reads its file alone."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mttcg_bench.errors import NotResults
from mttcg_bench.model import Bar, Better, Case, Figure, Resource, Side, Variant
from mttcg_bench.runner import CaseResult, Sample
from mttcg_bench.summary import disturbed, spreads, verdicts

FORMAT = 2
DIGITS = 6
"""Significant digits of samples that are not whole."""


def case_to_json(result: CaseResult) -> dict[str, Any]:
    """A case as JSON: what ran, the raw samples, the figures and the verdicts."""
    case = result.case
    return {
        "purpose": case.purpose,
        "guest": case.guest,
        "symbols": dict(case.symbols),
        "bound_by": str(case.bound_by),
        "variants": [variant_to_json(variant, result) for variant in case.variants],
        "disturbed": disturbed(result),
        "figures": [figure_to_json(figure, result) for figure in case.figures],
        "bars": [
            {
                "figure": verdict.bar.figure,
                "side": str(verdict.bar.side),
                "limit": verdict.bar.limit,
                "claim": verdict.bar.claim,
                "goal": verdict.bar.goal,
                "verdict": verdict.text,
            }
            for verdict in verdicts(result)
        ],
    }


def variant_to_json(variant: Variant, result: CaseResult) -> dict[str, Any]:
    """A variant, and the samples taken of it: for each metric a list over the rounds."""
    name = variant.name
    plain: dict[str, Any] = {
        "name": name,
        "tool": variant.tool,
        "smp": variant.smp,
        "engine": variant.engine if variant.tool == "command" else "",
        "plugins": [Path(plugin).name for plugin in variant.plugins],
        "symbols": dict(variant.symbols),
        "series": variant.series,
        "tiers": variant.tiers,
        "guest": variant.guest,
    }
    if name in result.reasons:
        plain["not_run"] = result.reasons[name]
    if name in result.failures:
        plain["failed"] = result.failures[name]
    taken = result.samples.get(name, [])
    metrics = dict.fromkeys(metric for sample in taken for metric in sample)
    plain["samples"] = {
        metric: [rounded(sample[metric]) if metric in sample else None for sample in taken]
        for metric in metrics
    }
    return plain


def figure_to_json(figure: Figure, result: CaseResult) -> dict[str, Any]:
    """A figure and what it came to, if it was measured."""
    plain: dict[str, Any] = {
        "name": figure.name,
        "unit": figure.unit,
        "factor": figure.factor,
        "better": str(figure.better),
        "terms": figure.terms,
    }
    if spread := spreads(result).get(figure.name):
        plain["median"], plain["noisy"] = rounded(spread.median), spread.noisy
        plain["min"], plain["max"] = rounded(spread.least), rounded(spread.most)
    return plain


def rounded(value: float) -> float:
    """A number with no more digits than it is worth; whole ones as they are."""
    return int(value) if float(value).is_integer() else float(f"{value:.{DIGITS}g}")


def case_from_json(name: str, plain: Mapping[str, Any]) -> CaseResult:
    """The reverse of `case_to_json`; settings that only a run needs are not there."""
    variants = plain["variants"]
    case = Case(
        name=name,
        purpose=plain["purpose"],
        guest=plain["guest"],
        symbols=plain["symbols"],
        bound_by=Resource(plain.get("bound_by", Resource.CORE)),
        variants=tuple(
            Variant(one["name"], one["tool"], one["smp"], one["engine"], tuple(one["plugins"]),
                    symbols=one["symbols"], series=one["series"],
                    tiers=one.get("tiers", ""), guest=one.get("guest", ""))
            for one in variants
        ),
        figures=tuple(
            Figure(one["name"], tuple(tuple(term) for term in one["terms"]), one["unit"],
                   one["factor"], Better(one["better"]))
            for one in plain["figures"]
        ),
        bars=tuple(
            Bar(one["figure"], Side(one["side"]), one["limit"], one["claim"], one["goal"])
            for one in plain["bars"]
        ),
    )  # fmt: skip
    return CaseResult(
        case,
        {one["name"]: samples_of(one["samples"]) for one in variants if one["samples"]},
        {one["name"]: one["not_run"] for one in variants if "not_run" in one},
        {one["name"]: one["failed"] for one in variants if "failed" in one},
    )


def samples_of(columns: Mapping[str, list[float | None]]) -> list[Sample]:
    """From a list for each metric, None where it was not measured, to a sample for each round."""
    rows = zip(*columns.values(), strict=True)
    return [
        {metric: value for metric, value in zip(columns, row, strict=True) if value is not None}
        for row in rows
    ]


def results_of(plain: Mapping[str, Any]) -> list[CaseResult]:
    """All cases of a run."""
    return [case_from_json(name, case) for name, case in plain["cases"].items()]


def read(file: Path) -> dict[str, Any]:
    """Read a run's JSON; raises NotResults if it is something else."""
    try:
        plain = json.loads(file.read_text(encoding="utf-8"))
        if plain["format"] != FORMAT:
            raise NotResults(str(file), f"format {plain['format']}, expected {FORMAT}")
        results_of(plain)
    except OSError as error:
        raise NotResults(str(file), error.strerror or str(error)) from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        wrong = f"{type(error).__name__}: {error}".splitlines()[0]
        raise NotResults(str(file), wrong) from None
    assert isinstance(plain, dict)
    return plain


def write(file: Path, plain: Mapping[str, Any]) -> None:
    """Write a run's JSON, a line for each list of samples."""
    file.write_text(compact(plain) + "\n", encoding="utf-8")


def compact(value: Any, indent: int = 0) -> str:
    """JSON with objects over several lines and lists of plain values on one."""
    inner = "\n" + " " * (indent + 1)
    if isinstance(value, Mapping) and value:
        items = [f"{json.dumps(str(k))}: {compact(v, indent + 1)}" for k, v in value.items()]
        return "{" + inner + f",{inner}".join(items) + "\n" + " " * indent + "}"
    if isinstance(value, list | tuple) and any(isinstance(one, Mapping) for one in value):
        items = [compact(one, indent + 1) for one in value]
        return "[" + inner + f",{inner}".join(items) + "\n" + " " * indent + "]"
    return json.dumps(value)
