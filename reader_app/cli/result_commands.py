"""Subcommands from logs and tables to numbers and files."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from reader_app.cli.progress import ProgressBar
from reader_app.cli.study_commands import JSON, STUDY
from reader_app.errors import Fault, InputFaults

_ANALYZE_FILES = {
    "reads": "reads table (csv or xlsx): reader_id, condition, case_id, and score, assessment or call",
    "reference": "reference table: case_id, malignant, and lesions where marks are given",
    "lesions": "lesions in a table of their own: case_id, lesion_id, and positions",
    "marks": "marks table: reader_id, condition, case_id, rating, and positions or lesion_id",
    "predictions": "predictions table: model_id, case_id, probability",
}


_CORRELATIONS = (
    ("r1", 0.47, "same reader, other condition"),
    ("r2", 0.3, "other reader, same condition"),
    ("r3", 0.3, "other reader, other condition"),
    ("rb", 0.8, "of a reader's true areas under the two conditions"),
)


def add_to(sub: Any) -> None:
    """Add the subcommands of this module."""
    audit = sub.add_parser("audit", help="protocol deviations found in the logs by the independent auditor")
    audit.add_argument("study", metavar="DIR", type=Path, help=STUDY)
    audit.add_argument("--json", action="store_true", help=JSON)
    audit.set_defaults(run=_audit)

    analyze = sub.add_parser(
        "analyze",
        help="all statistics, of a study or of plain tables",
        description="All statistics, of a study folder (DIR) or of plain tables (--reads and --reference). With --out, a study "
        "gets analysis.json (its files come from `reader-app export`), plain tables get everything: analysis.json, workbook, "
        "report (HTML, PDF, figures), csv, iMRMC, RJafroc, OR-DBM and REDCap.",
    )
    analyze.add_argument("study", metavar="DIR", type=Path, nargs="?", help=STUDY)
    for name, about in _ANALYZE_FILES.items():
        analyze.add_argument(f"--{name}", type=Path, metavar="FILE", help=about)
    _add_options(analyze)
    analyze.add_argument("--out", type=Path, metavar="DIR", help="folder for the files; made when absent")
    analyze.add_argument(
        "--to", metavar="FORMATS", help="with --out: which files, of xlsx,report,csv,imrmc,rjafroc,ordbm,redcap,sr"
    )
    analyze.add_argument("--json", action="store_true", help=JSON)
    analyze.set_defaults(run=_analyze)

    export = sub.add_parser("export", help="spreadsheets, interchange files, report")
    export.add_argument("study", metavar="DIR", type=Path, help=STUDY)
    words = "which files (default xlsx)"
    export.add_argument("--to", default="xlsx", metavar="xlsx,csv,imrmc,rjafroc,ordbm,redcap,sr,report", help=words)
    export.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the files; made when absent")
    _add_options(export)
    export.set_defaults(run=_export)

    power = sub.add_parser("power", help="readers x cases for a wanted power, from a pilot or from published ranges")
    power.add_argument("study", metavar="DIR", type=Path, nargs="?", help="a pilot study of two conditions")
    power.add_argument("--reads", type=Path, metavar="FILE", help="a pilot's reads table, with --reference")
    power.add_argument("--reference", type=Path, metavar="FILE", help="the pilot's reference table")
    power.add_argument("--components", metavar="var_tr=..,var=..,cov1=..,cov2=..,cov3=..,cases=..", help="a pilot's components")
    power.add_argument("--auc", type=float, help="expected average area (published ranges instead of a pilot)")
    power.add_argument("--between", type=float, default=0.1, help="range of the areas of different readers (default 0.1)")
    power.add_argument("--within", type=float, default=0.005, help="range of one reader's areas in repeated readings (0.005)")
    for name, usual, about in _CORRELATIONS:
        power.add_argument(f"--{name}", type=float, default=usual, help=f"correlation of the areas: {about} ({usual:g})")
    power.add_argument("--benign-per-malignant", type=float, default=1.0, help="benign cases for each malignant one (default 1)")
    power.add_argument("--effect", type=float, required=True, help="difference of the endpoint to be found, e.g. 0.05")
    power.add_argument("--readers", default="2,3,4,5,6,8,10", metavar="N,N,...", help="numbers of readers to work out cases for")
    power.add_argument("--power", type=float, default=0.8, dest="wanted", help="wanted power (default 0.8)")
    words = "to what the result shall hold for others (default: readers and cases)"
    power.add_argument("--generalise", choices=("readers_and_cases", "cases", "readers"), default="readers_and_cases", help=words)
    power.add_argument("--alpha", type=float, default=0.05, help="two-sided level (default 0.05)")
    power.add_argument("--json", action="store_true", help=JSON)
    power.set_defaults(run=_power)


def _add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the analysis; the first choice is the default."""
    words = "least category that counts as positive (the plan, 4A)"
    parser.add_argument("--positive-from", choices=("1", "2", "3", "4", "4A", "4B", "4C", "5", "6"), help=words)
    parser.add_argument("--ci", choices=("wilson", "exact", "wald"), default="wilson", help="intervals of shares (wilson)")
    words = "how reader covariances are estimated (delong; other endpoints than auc: jackknife)"
    parser.add_argument("--covariance", choices=("delong", "jackknife", "bootstrap", "unbiased"), default="delong", help=words)
    parser.add_argument(
        "--endpoint", choices=("auc", "sensitivity", "specificity", "wafroc"), help="default: the study's plan, auc"
    )
    parser.add_argument("--level", choices=("case", "breast", "lesion"), default="case", help="what is counted (case)")
    parser.add_argument("--by", choices=("group",), help="also for each group of readers by itself")
    parser.add_argument("--cluster", choices=("patient_id",), help="cases of one patient are not independent")
    words = "what BI-RADS 0 counts as (error: refuse it)"
    parser.add_argument("--zero", choices=("error", "positive", "negative", "exclude"), default="error", help=words)
    parser.add_argument("--match", choices=("distance", "iou"), help="when a mark hits a lesion (the plan, distance)")
    parser.add_argument("--overlap", type=float, help="least overlap of a hit, with --match iou (the plan, 0.1)")
    parser.add_argument("--margin", type=float, help="margin of non-inferiority (the plan, none)")
    parser.add_argument("--alpha", type=float, help="two-sided level (the plan, 0.05)")
    parser.add_argument("--seed", type=int, default=1, help="of bootstraps (default 1)")
    parser.add_argument("--interim", action="store_true", help="analyse although rounds are still open; printed on every result")


def _options(given: argparse.Namespace, study: Path | None = None) -> Any:
    """Return the options: what was said, else what the study planned, else the program's defaults."""
    from reader_app.analysis.options import Options

    options = Options()
    if study is not None:
        from reader_app.desk.results import planned_options
        from reader_app.store.studyfolder import StudyFolder

        options = planned_options(StudyFolder.load(study).definition)
    names = ("positive_from", "ci", "covariance", "endpoint", "level", "by", "cluster", "zero", "margin", "alpha", "seed")
    said = {name: value for name in (*names, "match", "overlap") if (value := getattr(given, name)) is not None}
    return replace(options, **said)


def _audit(given: argparse.Namespace) -> int:
    _present(given.study, {})
    from reader_app.desk.gathering import gather

    gathered = gather(given.study)
    found = [(reader_id, d) for reader_id, deviations in gathered.deviations.items() for d in deviations]
    if given.json:
        rows = [{"reader_id": reader_id, "code": d.code, "seq": d.seq, "text": d.text} for reader_id, d in found]
        print(json.dumps({"schema": 1, "deviations": rows}, ensure_ascii=False, indent=1))
    else:
        for reader_id, deviation in found:
            print(f"{reader_id}, entry {deviation.seq}: {deviation.text} ({deviation.code})")
        print(f"{len(gathered.logs)} log(s), {len(gathered.reads)} read(s), {len(found)} deviation(s).")
    return 0


def _present(study: Path | None, files: Mapping[str, Path | None]) -> None:
    """Refuse at once what is not there or cannot be read, before the libraries of the analysis are loaded (seconds)."""
    faults = []
    if study is not None and not (study / "study.toml").is_file():
        faults.append(Fault(str(study), "is no study folder (it holds no study.toml)", "check the path"))
    for option, path in files.items():
        if path is None:
            continue
        try:
            if not path.is_file():
                what = "is no file" if path.exists() else "does not exist"
                faults.append(Fault(f"{option} {path}", what, "check the path"))
                continue
            with path.open("rb"):
                pass
        except OSError as error:
            faults.append(Fault(f"{option} {path}", f"cannot be read ({error.strerror})", "check the path and its permissions"))
    if faults:
        raise InputFaults(faults)


def _analyze(given: argparse.Namespace) -> int:
    _present(given.study, {f"--{name}": getattr(given, name) for name in _ANALYZE_FILES})
    if given.study is not None:
        _tables_beside_a_study(given)
        from reader_app.desk.results import analyse

        results, material = analyse(given.study, _options(given, given.study), given.interim).results, None
    else:
        results, material = _analyze_tables(given)
    text = json.dumps(results, ensure_ascii=False, indent=1, allow_nan=False)
    written: list[Path] = []
    if given.out is not None:
        from reader_app.desk.tables import write_text

        given.out.mkdir(parents=True, exist_ok=True)
        write_text(given.out / "analysis.json", text + "\n")
        written.append(given.out / "analysis.json")
        if material is not None or given.to:
            written += _write_all(given, material)
    if given.json:
        print(text)
    else:
        from reader_app.analysis.summary import as_text

        print(as_text(results))
        _print_written(written, given.out)
    return 0


def _tables_beside_a_study(given: argparse.Namespace) -> None:
    named = [f"--{name}" for name in _ANALYZE_FILES if getattr(given, name) is not None]
    if named:
        what = f"names a study folder and {' and '.join(named)}"
        raise InputFaults([Fault("analyze", what, "give a study folder or tables, not both")])


def _analyze_tables(given: argparse.Namespace) -> tuple[dict[str, Any], Any]:
    """Analyse plain tables without a study."""
    if given.reads is None or given.reference is None:
        what = "needs a study folder, or both --reads and --reference"
        raise InputFaults([Fault("analyze", what, "see reader-app analyze --help")])
    from reader_app.desk.tablestudy import TableFiles, analyse_tables

    files = TableFiles(**{name: getattr(given, name) for name in _ANALYZE_FILES})
    return analyse_tables(files, _options(given), given.interim)


def _write_all(given: argparse.Namespace, material: Any) -> list[Path]:
    """Write the files of an analysis; a format that cannot say these reads is named with its reason, the others are written."""
    from reader_app.desk import exporting, tablestudy

    if material is None:
        raise InputFaults([Fault("analyze DIR", "--to is for plain tables", "use reader-app export DIR --to ... --out ...")])
    formats = [name.strip() for name in given.to.split(",") if name.strip()] if given.to else tablestudy.FORMATS
    refused: list[Fault] | None = None if given.to else []
    with ProgressBar("analyze", "file") as bar:
        written = exporting.write_formats(material, formats, given.out, progress=bar, refused=refused)
    for fault in refused or ():
        print(f"not written: {fault}", file=sys.stderr)
    return written


def _export(given: argparse.Namespace) -> int:
    _present(given.study, {})
    from reader_app.desk.exporting import export

    formats = [name.strip() for name in given.to.split(",") if name.strip()]
    refused: list[Fault] = []  # what one format cannot say does not keep the others from being written
    with ProgressBar("export", "file") as bar:
        options = _options(given, given.study)
        written = export(given.study, formats, given.out, options, given.interim, progress=bar, refused=refused)
    _print_written(written, given.out)
    if refused:
        raise InputFaults(refused)
    return 0


def _print_written(written: list[Path], out: Path) -> None:
    """Print each file, but a folder of many as one line."""
    inside: dict[Path, int] = {}
    for path in written:
        if path.parent == out:
            print(f"written: {path}")
        else:
            inside[path.parent] = inside.get(path.parent, 0) + 1
    for folder, count in inside.items():
        print(f"written: {folder} ({count} files)")


def _power(given: argparse.Namespace) -> int:
    _present(given.study, {"--reads": given.reads, "--reference": given.reference})
    from reader_app.analysis.power import Ranges
    from reader_app.desk import sizing

    parts = [part.strip() for part in given.readers.split(",")]
    wrong = [part for part in parts if not part.isdecimal()]
    if wrong:
        raise InputFaults([Fault("--readers", f"'{wrong[0]}' is no number", "e.g. --readers 4,6")])
    readers = [int(part) for part in parts]
    if given.auc is not None:
        if given.generalise != "readers_and_cases":
            what = f"{given.generalise} needs a pilot; published ranges hold for readers and cases"
            raise InputFaults([Fault("--generalise", what, "leave it out, or give a pilot")])
        correlations = {name: getattr(given, name) for name, _, _ in _CORRELATIONS}
        ratio = given.benign_per_malignant
        ranges = Ranges(given.auc, given.between, given.within, **correlations, benign_per_malignant=ratio)
        document = sizing.from_ranges(ranges, given.effect, readers, given.wanted, given.alpha)
    else:
        pilot = _pilot(given)
        document = sizing.from_pilot(pilot, given.effect, readers, given.wanted, given.generalise, given.alpha)
    if given.json:
        print(json.dumps(document, ensure_ascii=False, indent=1))
        return 0
    print(f"Difference {given.effect:g}, power {given.wanted:g}, alpha {given.alpha:g}. {document['method']}.")
    print("Given: " + ", ".join(f"{name.replace('_', ' ')} {value:g}" for name, value in document["given"].items()) + ".")
    print(f"{'readers':>8} {'cases':>8} {'power':>8}")
    for row in document["designs"]:
        cases, reached = ("none", "") if row["cases"] is None else (str(row["cases"]), f"{row['power']:.3f}")
        print(f"{row['readers']:>8} {cases:>8} {reached:>8}")
    return 0


def _pilot(given: argparse.Namespace) -> Any:
    """Return the components of the pilot named on the command line."""
    from reader_app.analysis.analyze import analyze
    from reader_app.desk import sizing

    if given.components:
        return sizing.given_components(given.components)
    if given.study is not None:
        from reader_app.desk.results import analyse

        return sizing.pilot_components(analyse(given.study, interim=True).results)
    if given.reads is not None and given.reference is not None:
        return sizing.pilot_components(analyze(given.reads, given.reference))
    raise InputFaults(
        [Fault("power", "needs a pilot or published ranges", "give DIR, --reads with --reference, --components or --auc")]
    )
