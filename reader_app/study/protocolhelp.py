"""The protocol reference: every key of ``study.toml`` in words, made from the declaration that the loader reads."""

from __future__ import annotations

from reader_app.study.studykeys import TABLES, Key

#: What stands above each table: its heading in the file, and one sentence.
_HEADINGS: dict[str, tuple[str, str]] = {
    "": ("Top of the file", "What the study is; the tables below follow."),
    "assessment": ("[assessment]", "What a reader answers for every case or breast."),
    "assessment.score": ("[assessment] score = { ... }", "The score of suspicion."),
    "display": ("[display]", "How images and aid are shown, and what the reader may change."),
    "timing": ("[timing]", "Pauses, shortest display, breaks and the length of a sitting."),
    "questions": ("[[questions]]", "One table for each question beyond category and score."),
    "questions.when": ("[[questions]] when = { ... }", "The condition under which a question is asked; one of them."),
    "questionnaires": ("[[questionnaires]]", "One table for each set of questions between blocks of cases."),
    "models": ("[[models]]", "One table for each model whose stored predictions are shown, or set of aids prepared from one."),
    "models.changes": ("[[models.changes]]", "Aids of a prepared set that are withheld or changed on purpose."),
    "rounds": ("[[rounds]]", "One table for each round, in reading order."),
    "rounds.cases": ("[[rounds]] cases = { ... }", "Which cases a round covers, where it is not all of them."),
    "rounds.repeat": ("[[rounds]] repeat = { ... }", "Cases that come a second time in the round."),
    "randomisation": ("[randomisation]", "The seed of every order, allocation and sample."),
    "analysis": ("[analysis]", "What was decided before the first read; the defaults of the analysis."),
}

_INTRODUCTION = """# The protocol file, `study.toml`

A study is a folder. `study.toml` states its protocol, `cases.csv` lists the cases, `readers.csv` the readers.
Freezing the study fixes all of it by hash; whoever edits it afterwards is told which file was changed. This page is
made from the declaration that the program itself reads (`reader-app protocol`), so it cannot say anything else than
what is checked.

Beside these files a study folder may hold:

- `hanging/*.toml` or `hanging.toml`: hanging protocols of its own;
- `lexicon/*.json`: lists of terms and questionnaires of its own, as in the program's `resources/lexicon`; the lists a
  study uses are copied into it at the freeze;
- `training_key.csv`: what readers are told after training cases (`case_id`, `category`, `outcome`, `text`,
  `image_id`, `slice`, `row`, `column`, `radius`), for rounds with `training = true` and `feedback = true`; a row
  about any other case is refused;
- `reference_standard.csv` and `aid_kinds.json`: the truth, and which aids were changed on purpose. They stay with the
  coordinator: no package holds them.

What a coordinator decides while a study runs (`reader-app decide`): a case withdrawn, a read voided (every reading of
the case in that round), a reader replaced, a round opened early, the protocol amended, a key registered, the place
noted where the table of re-identification is kept (`custody_noted`, never on a reading machine), the data locked.
Each needs a reason and stays in the list. What concerns a reader's log goes along in the reader's next package, without
the reason, and is entered into the log at the next log-in; at home every such entry is compared with the list.
"""


def markdown() -> str:
    """Return the reference: an introduction, then one table for each table of the file."""
    parts = [_INTRODUCTION]
    for name, keys in TABLES.items():
        heading, sentence = _HEADINGS[name]
        rows = ["| key | kind | without it | meaning |", "|---|---|---|---|", *(_row(key) for key in keys)]
        parts.append(f"## {heading}\n\n{sentence}\n\n" + "\n".join(rows) + "\n")
    return "\n".join(parts)


def _row(key: Key) -> str:
    cells = (f"`{key.name}`", key.kind, _default(key), " ".join((key.meaning, _allowed(key))).strip())
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _default(key: Key) -> str:
    if key.required:
        return "must be there"
    if key.default in (None, "", [], {}):
        return "–"
    if isinstance(key.default, bool):
        return "`true`" if key.default else "`false`"
    return f"`{', '.join(map(str, key.default)) if isinstance(key.default, list) else key.default}`"


def _allowed(key: Key) -> str:
    if key.choices:
        return "One of " + ", ".join(f"`{choice}`" for choice in key.choices) + "."
    if key.low is not None and key.high is not None and key.low != key.high:
        return f"From {key.low:g} to {key.high:g}."
    return f"At least {key.low:g}." if key.low is not None and key.low != key.high else ""
