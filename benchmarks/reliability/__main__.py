"""Try the promises of the reliability table and write down what was found.

``python -m benchmarks.reliability [--quick | --long] [--minutes M] [--rows 1a,2,9] [--out FILE] [--json]``

Without a size it takes some minutes. Rows tried before stay in the file until they are tried again; rows that this machine cannot
try are listed with what a person does instead.
"""

from __future__ import annotations

import json
import math
import sys
import time
import traceback
from dataclasses import replace
from pathlib import Path

from benchmarks import report
from benchmarks.reliability import gathered, log, protocol, reading
from benchmarks.reliability.rows import LONG, NORMAL, QUICK, ROOT, Outcome, Row, Size, result

ROWS: tuple[Row, ...] = (*log.ROWS, *reading.ROWS, *protocol.ROWS, *gathered.ROWS)
FILE = ROOT / "benchmarks" / "results" / "reliability.json"


def try_row(row: Row, size: Size) -> report.Result:
    """Try one row; an error of the trial itself counts as a failure."""
    start = time.perf_counter()
    try:
        found = row.prove(size)
    except Exception as error:  # noqa: BLE001 - one row must not take the others with it
        traceback.print_exc()
        found = Outcome(1, 1, "trials", f"the trial itself failed: {error!r}"[:300], False)
    return result(row, found, size, time.perf_counter() - start)


def written(file: Path, results: list[report.Result], manual: list[dict[str, str]]) -> dict[str, object]:
    """Bring the results of this run into the file and return its document; other rows stay as they were."""
    old = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    kept = {own["row"]: own for own in old.get("results", []) if "row" in own}
    kept |= {str(own.more["row"]): own.row() for own in results}
    order = {row.key: number for number, row in enumerate(sorted(ROWS, key=in_order))}
    rows = sorted((own for own in kept.values() if own["row"] in order), key=lambda own: order[own["row"]])
    document = {"machine": report.machine(), "results": rows, "by_hand": manual}
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return document


def by_hand(lacking: dict[str, str]) -> list[dict[str, str]]:
    """Return what a person tries: what no program can, what this machine cannot (and why), and what is tried in both ways."""
    rows = [{"row": row.key, "why": lacking[row.key], "procedure": row.procedure} for row in ROWS if row.procedure]
    return [*gathered.BY_HAND, *({**row, "why": row["why"] or "on the study's own machines as well"} for row in rows)]


def in_order(row: Row) -> tuple[int, str]:
    """Return the place of a row in the table."""
    digits = row.key.split("-")[0].rstrip("abcdefgh")
    return int(digits), row.key


def main() -> int:
    """Try the rows asked for and print them."""
    parser = report.arguments(__doc__)
    sizes = parser.add_mutually_exclusive_group()
    sizes.add_argument("--quick", action="store_true", help="small numbers, and only what the tests do not do anyhow")
    sizes.add_argument("--long", action="store_true", help="the numbers of the table: an hour or more")
    parser.add_argument("--minutes", type=float, default=math.inf, help="end the kills, cuts and merges of a row after so long")
    parser.add_argument("--rows", help="only these, separated by commas")
    parser.add_argument("--out", type=Path, default=FILE, help="the file of results; rows not tried now stay in it")
    options = parser.parse_args()
    size = replace(QUICK if options.quick else LONG if options.long else NORMAL, seconds=60 * options.minutes)
    wanted = set(options.rows.split(",")) if options.rows else {row.key for row in ROWS if row.quick or size.level}
    unknown = wanted - {row.key for row in ROWS}
    if unknown:
        parser.error(f"there is no row {', '.join(sorted(unknown))}; the rows are {', '.join(row.key for row in ROWS)}")
    results: list[report.Result] = []
    lacking = {row.key: row.needs() for row in ROWS}
    document = written(options.out, [], by_hand(lacking))
    for row in sorted(ROWS, key=in_order):
        if row.key in wanted and not lacking[row.key]:
            results.append(try_row(row, size))
            one = results[-1]
            print(f"{'ok  ' if one.ok else 'MISS'} {one.name}: {one.value:g} {one.unit}", file=sys.stderr, flush=True)
            document = written(options.out, results, by_hand(lacking))
    if options.json:
        print(json.dumps(document, ensure_ascii=False, indent=1))
    elif results:
        report.show(results, False)
    return 0 if all(own.ok for own in results) else 1


if __name__ == "__main__":
    sys.exit(main())
