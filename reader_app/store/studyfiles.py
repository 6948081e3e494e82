"""The files of a study folder that people write; every fault with its file and place."""

from __future__ import annotations

import csv
import io
import tomllib
from pathlib import Path
from typing import Any

from reader_app.errors import Fault, StudyFileError
from reader_app.store import lexicons
from reader_app.store.lock import TRAINING_KEY
from reader_app.study import caselist, definition
from reader_app.study.caselist import CaseEntry, Reader
from reader_app.study.definition import StudyDefinition
from reader_app.study.training import Feedback, parse_training_key


def read_document(path: Path) -> dict[str, Any]:
    """Return ``study.toml`` as it is written; StudyFileError if it cannot be read."""
    file = path / "study.toml"
    try:
        return tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        remedy = "check that this is a study folder; make one with: reader-app new DIR --protocol NAME"
        raise StudyFileError([Fault(str(file), "there is no such file", remedy)]) from None
    except UnicodeDecodeError as error:
        raise StudyFileError([Fault(str(file), f"it is not UTF-8 text (byte {error.start})", "save it as UTF-8")]) from error
    except OSError as error:
        raise StudyFileError([Fault(str(file), f"it cannot be read ({error})", "check the file")]) from error
    except tomllib.TOMLDecodeError as error:
        raise StudyFileError([Fault(str(file), f"it is not valid TOML: {error}", "correct that line")]) from error


def read_definition(path: Path) -> StudyDefinition:
    """Return the protocol of a study folder; StudyFileError with every fault."""
    document = read_document(path)
    terms = lexicons.load(path)
    return definition.parse(document, str(path / "study.toml"), terms.lists, terms.questionnaires)


def read_cases(path: Path) -> tuple[CaseEntry, ...]:
    """Return the case list of a study folder, empty before the first import; StudyFileError with every fault."""
    file = path / "cases.csv"
    rows = read_table(file)
    return caselist.parse_cases(rows, str(file)) if rows else ()


def read_readers(path: Path) -> tuple[Reader, ...]:
    """Return the readers of a study folder, empty when none is listed yet; StudyFileError with every fault."""
    file = path / "readers.csv"
    rows = read_table(file)
    return caselist.parse_readers(rows, str(file)) if rows else ()


def read_training_key(path: Path) -> dict[str, Feedback]:
    """Return what is told after training cases, nothing where there is no such file; StudyFileError with every fault."""
    file = path / TRAINING_KEY
    return parse_training_key(read_table(file), str(file))


def read_table(file: Path) -> list[dict[str, str]]:
    """Return the rows of a CSV table, every cell as text; an absent file has none.

    UTF-8 with or without a mark at its beginning; separated by commas, or by semicolons or tabs as some spreadsheets write.

    Raises
    ------
    StudyFileError
        If it cannot be read, is not UTF-8, or has two columns of one name.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return []
    except UnicodeDecodeError as error:
        what = f"it is not UTF-8 text (byte {error.start})"
        raise StudyFileError([Fault(str(file), what, "save it as CSV UTF-8 in the spreadsheet")]) from error
    except OSError as error:
        raise StudyFileError([Fault(str(file), f"it cannot be read ({error})", "check the file")]) from error
    heading = text.partition("\n")[0]
    separator = max(",;\t", key=heading.count)
    try:
        reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
        names = [name.strip() for name in reader.fieldnames or ()]
        reader.fieldnames = names
        rows = list(reader)
    except csv.Error as error:
        raise StudyFileError(
            [Fault(str(file), f"it is not a CSV table ({error})", "save it again from the spreadsheet")]
        ) from error
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise StudyFileError([Fault(f"{file}, column {twice[0]}", "this column stands twice", "take one out")])
    return rows
