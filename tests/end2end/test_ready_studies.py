"""Each ready study goes from phantoms to exports without a hand: simulate, merge, audit, analyse, export."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from end2end.windowless import Windowless

from reader_app.ai import results
from reader_app.cli.main import run
from reader_app.desk import rehearsal, standins
from reader_app.desk.checking import check
from reader_app.desk.newstudy import new_study
from reader_app.store import aidkinds, readlog
from reader_app.store.studyfolder import StudyFolder
from reader_app.study import events as ev

#: Protocol, cases, readers.
STUDIES = [("lu2025", 6, 2), ("liu2025", 3, 1), ("zhou2023", 3, 2), ("bong2023", 4, 1), ("kim2021", 4, 1), ("screening", 5, 1)]


@pytest.mark.parametrize(("protocol", "cases", "readers"), STUDIES, ids=[name for name, _, _ in STUDIES])
def test_a_ready_study_goes_through(
    protocol: str, cases: int, readers: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = new_study(tmp_path / protocol, protocol)
    text = (own / "study.toml").read_text(encoding="utf-8").replace("min_gap = 10", "min_gap = 3")  # few cases: a short test
    (own / "study.toml").write_text(text, encoding="utf-8")
    study = rehearsal.copy_study(own, tmp_path / "r", readers, cases, 3, simulated=True)
    assert check(study).faults == ()
    folder = StudyFolder.load(study)
    assert standins.ORIGIN.startswith("SIMULATED") and "REHEARSAL" in folder.definition.notice
    for model in (own.model_id for own in folder.definition.models if not own.of):
        for case in folder.cases:
            assert results.load(folder.aid_dir(model), case.case_id).provenance["training_data"] == standins.ORIGIN
    for script in rehearsal.write_scripts(study, tmp_path / "scripts", 3).values():
        Windowless(folder, script).play()
    # Home come only the logs; the coordinator's folder has none yet.
    away = tmp_path / "usb"
    away.mkdir()
    for log in (study / "logs").glob("*.readlog"):
        log.rename(away / log.name)
    files = [str(path) for path in sorted(away.glob("*.readlog"))]
    assert run(["merge", str(study), *files]) == 0
    assert run(["merge", str(study), *files]) == 0  # a second time changes nothing
    assert run(["audit", str(study)]) == 0
    capsys.readouterr()
    assert run(["analyze", str(study), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document and (folder.aided_models() or protocol in ("bong2023", "kim2021"))
    assert run(["export", str(study), "--out", str(tmp_path / "out"), "--to", "csv,imrmc,redcap"]) == 0
    with next((tmp_path / "out").rglob("reads.csv")).open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["reader_id"] for row in rows} == {reader.reader_id for reader in folder.readers}
    events = [entry.event for path in (study / "logs").glob("*.readlog") for entry in readlog.read(path).logged]
    assert any(isinstance(event, ev.MarkPlaced) for event in events)
    if protocol == "screening":
        _everything_else_happened(study, events)


def _everything_else_happened(study: Path, events: list[ev.Event]) -> None:
    seen = {type(event) for event in events}
    assert seen >= {ev.FeedbackSeen, ev.QuestionnaireAnswered, ev.InitialSealed, ev.AidSeen, ev.Answered}
    assert any(isinstance(event, ev.ReadSubmitted) and event.occurrence == 2 for event in events)
    revealed = [event for event in events if isinstance(event, ev.AidRevealed)]
    kinds = aidkinds.load(study)
    assert kinds is not None
    assert {event.aid.status == "withheld" for event in revealed} == {True, False}
    withheld = {case for case, own in kinds.sets["zhou2023-set"].items() if own.kind == "withheld"}
    assert {event.case_id for event in revealed if event.aid.status == "withheld"} <= withheld
    asked = {event.questionnaire for event in events if isinstance(event, ev.QuestionnaireAnswered)}
    assert asked == {"workload", "trust"} and any(event.aid.findings for event in revealed)
