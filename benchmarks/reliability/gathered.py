"""Rows that the tests of other packages prove already, and rows for which a person and another machine are needed."""

from __future__ import annotations

import json
import subprocess
import sys

from benchmarks.reliability.rows import ROOT, ByTests, Outcome, Row, Size


def mutated_files(size: Size) -> Outcome:
    """Feed mutated image files to the importer's workers: refused in one sentence or read whole, and no harm to the program."""
    command = [sys.executable, "-m", "tests.imaging.fuzz_files", "--count", str(size.of(60, 400, 10_000)), "--workers", "1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    more = {key: found[key] for key in ("refused", "read", "worker_deaths", "program_memory_growth_mb", "seed")}
    control = f"{found['refused']} of {found['tried']} mutants were refused, so the mutations bite"
    return Outcome(found["tried"], found["unclear"], "mutated files", control, found["refused"] > 0, more)


ROWS = (
    Row(
        "16",
        "what is exported is what the logs hold, voided reads and any text included",
        ByTests(
            "tests",
            proofs=[
                "export/test_workbook.py::test_reads_come_back",
                "export/test_workbook.py::test_any_table_survives",
                "export/test_workbook.py::test_reads_that_do_not_count_are_named_and_left_out",
                "export/test_plain.py::test_every_table_is_written_and_reads_come_back",
                "export/test_interchange.py::test_imrmc_holds_every_read_under_plain_ids",
                "export/test_interchange.py::test_redcap_holds_every_read",
                "export/test_interchange.py::test_structured_reports_come_back",
            ],
            controls=[
                "export/test_workbook.py::test_negative_control_a_changed_cell_is_found",
                "export/test_interchange.py::test_negative_control_a_changed_read_is_seen",
            ],
        ),
        quick=False,
    ),
    Row(
        "17",
        "no text from outside becomes a formula, none is cut",
        ByTests(
            "tests",
            proofs=[
                "export/test_cells.py",
                "export/test_workbook.py::test_hostile_text_is_only_text",
                "export/test_plain.py::test_hostile_text_is_guarded_and_comes_back",
                "export/test_report.py::test_hostile_text_is_escaped",
            ],
            controls=["export/test_cells.py::test_negative_control_plain_openpyxl_makes_a_formula"],
        ),
        quick=False,
    ),
    Row(
        "18",
        "kappa and the other statistics equal those of other programs",
        ByTests(
            "tests",
            proofs=["analysis/test_statistics_reference.py", "analysis/test_multireader.py"],
            controls=["analysis/test_statistics_reference.py::test_alike_ratings_are_not_estimable"],
        ),
        quick=False,
    ),
    Row("19", "a damaged image file is refused, never partly shown", mutated_files, quick=False),
    Row(
        "20-23",
        "bombs, hostile names, code in data and dying decoders do no harm",
        ByTests(
            "tests",
            proofs=[
                "imaging/test_bombs.py",
                "imaging/test_hostile.py",
                "imaging/test_workers.py",
                "ai/test_bundle_files.py",
                "export/test_package.py::test_hostile_names_write_nothing_anywhere",
            ],
            controls=[
                "export/test_package.py::test_negative_control_a_harmless_extra_name_is_let_in",
                "imaging/test_workers.py::test_good_files_among_bad_ones_all_arrive",
            ],
        ),
        quick=False,
    ),
    Row(
        "24-26",
        "wrong cases are caught at import; grey values and geometry are right",
        ByTests(
            "tests",
            proofs=[
                "imaging/test_matrix.py",
                "imaging/test_window.py",
                "imaging/test_geometry.py",
                "ui_viewer/test_viewer_overlay.py",
            ],
            controls=["imaging/test_abvs.py::test_negative_control_the_phantom_has_no_symmetry"],
        ),
        quick=False,
    ),
    Row(
        "35",
        "exports and cases are de-identified; writing in the pixels is flagged",
        ByTests(
            "tests",
            proofs=["imaging/test_deidentify.py", "imaging/test_blinding.py"],
            controls=["imaging/test_deidentify.py::test_a_leak_is_found_and_the_copy_removed"],
        ),
        quick=False,
    ),
)

#: What no test here can do: (row, why, what a person does).
BY_HAND: tuple[dict[str, str], ...] = (
    {
        "row": "2",
        "why": "the simulated disk is honest; some drives say 'written' before it is true",
        "procedure": "Read by script on the study's own disk and pull the plug, twenty times: reader-app verify says "
        "the log is sound, "
        "and its last event is at least the last that was shown as saved.",
    },
    {
        "row": "27",
        "why": "two real screens of different density",
        "procedure": "Move the reading window between the screens with a box shown: its frame stays on the same pixels; "
        "the ruler of the "
        "display check keeps its length.",
    },
    {
        "row": "28",
        "why": "Windows and its code pages",
        "procedure": "Put a study into a folder named in Chinese, Korean and Arabic with 200 characters, read a case, "
        "merge, export.",
    },
    {
        "row": "29",
        "why": "a graphics processor whose driver fails",
        "procedure": "Start reader-app ai run, unload the driver: one sentence, nothing half-written; the next start "
        "goes on on the CPU.",
    },
    {
        "row": "38",
        "why": "signing needs the publisher's key",
        "procedure": "make package on two machines, compare the hashes of all files, check the signature.",
    },
    {
        "row": "39",
        "why": "eight hours",
        "procedure": "Let a script read 500 cases through the window for a working day: memory grows by at most 1 MB a case.",
    },
)
