"""iMRMC ``.imrmc``: read by iMRMC's R package and its Java program alike.

What both accept (tried with both): upper-case ``BEGIN DATA:``; truth rows with the word ``truth`` as reader and as modality;
ids without commas, blanks or quotes; no header line of a single character; nothing after the data; missing reads left out.
"""

from __future__ import annotations

from pathlib import Path

from reader_app.export.atomic import refuse, write_checked
from reader_app.export.content import WorkbookContent
from reader_app.export.interchange.ratings import Ratings, readable_ids, score_text, write_key


def write(out: Path, study_id: str, found: Ratings, content: WorkbookContent) -> list[Path]:
    """Write ``STUDY.imrmc`` and its key; "modality" is this format's word for a condition."""
    readers, conditions, cases = (readable_ids(names) for names in (found.readers, found.conditions, found.cases))
    readers = {name: f"reader_{own}" if own.lower() == "truth" else own for name, own in readers.items()}
    truth = {cases[case]: found.truth[case] for case in found.cases}
    scores = {
        (readers[reader], cases[case], conditions[condition]): value for (reader, condition, case), value in found.score.items()
    }
    interim = "INTERIM some rounds are not finished" if content.interim else "all rounds finished"
    lines = [
        *("reader-app export for iMRMC", "Research use only - not for diagnosis", interim, f"score made from {found.made_from}"),
        f"N0: {sum(value == 0 for value in truth.values())}",
        f"N1: {sum(value == 1 for value in truth.values())}",
        *(f"NR: {len(readers)}", f"NM: {len(conditions)}", "BEGIN DATA:"),
        *(f"truth,{case},truth,{value}" for case, value in truth.items()),
        *(f"{reader},{case},{condition},{score_text(value)}" for (reader, case, condition), value in scores.items()),
    ]
    text = "\n".join(lines) + "\n"

    def save(target: Path) -> None:
        target.write_text(text, encoding="ascii", newline="\n")

    def check(target: Path) -> str:
        read_truth, read_scores = read(target)
        refuse(target, [name for name, a, b in (("truth", read_truth, truth), ("scores", read_scores, scores)) if a != b])
        return f"{len(read_scores):,} reads"

    path = write_checked(out / f"{study_id}.imrmc", save, check).path
    parts = {"reader": readers, "condition": conditions, "case": cases}
    return [path, write_key(out / f"{study_id}-imrmc-key.csv", parts, content.interim)]


def read(path: Path) -> tuple[dict[str, int], dict[tuple[str, str, str], float]]:
    """Read an ``.imrmc`` file by the rules that both engines share.

    Returns
    -------
    truth : dict of case to 0 or 1
    scores : dict of (reader, case, modality) to float

    Raises
    ------
    ValueError
        If a rule is broken; the text names the line.
    """
    text = path.read_text(encoding="ascii")
    lines = text.split("\n")
    if lines.pop() != "":
        raise ValueError("the last line does not end")
    start = lines.index("BEGIN DATA:")
    if any(len(line) < 2 for line in lines[:start]):
        raise ValueError("a header line has fewer than two characters")
    truth: dict[str, int] = {}
    scores: dict[tuple[str, str, str], float] = {}
    for number, line in enumerate(lines[start + 1 :], start=start + 2):
        parts = line.split(",")
        if len(parts) != 4 or any(not part or set(part) & set(" \t\"'") for part in parts):
            raise ValueError(f"line {number}: four parts without blanks or quotes are wanted")
        reader, case, modality, value = parts
        if reader == "truth":
            if modality != "truth" or value not in ("0", "1") or case in truth:
                raise ValueError(f"line {number}: not a truth row, or a second one for its case")
            truth[case] = int(value)
        else:
            if case not in truth or (reader, case, modality) in scores:
                raise ValueError(f"line {number}: a case without truth, or a second read")
            scores[reader, case, modality] = float(value)
    for name, count in (("N0", 0), ("N1", 1)):
        if f"{name}: {sum(value == count for value in truth.values())}" not in lines[:start]:
            raise ValueError(f"{name} does not agree with the truth rows")
    return truth, scores
