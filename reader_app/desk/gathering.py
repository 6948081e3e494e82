"""What has been read so far: every reader's verified log, folded into reads and judged by the auditor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from reader_app.errors import Fault, InputFaults, LogFault
from reader_app.store import aidkinds, decisions, orders, readlog
from reader_app.store.aidkinds import AidKinds
from reader_app.store.decisions import Decisions
from reader_app.store.studyfolder import StudyFolder
from reader_app.study.assignment import Plan
from reader_app.study.audit import Deviation, audit
from reader_app.study.events import Event, Logged
from reader_app.study.filled import Filled, questionnaires
from reader_app.study.readtable import Read, reads
from reader_app.study.session import SessionState, replay


@dataclass(frozen=True, slots=True)
class Gathered:
    """A study with all its logs.

    Attributes
    ----------
    folder : StudyFolder
    plans : mapping from reader id to Plan
    logs : mapping from reader id to LogContents
        Only readers who have begun.
    reads : tuple of Read
        Of all readers, in the order they were validated; without training, withdrawn cases and voided reads.
    deviations : mapping from reader id to tuple of Deviation
        The auditor's findings.
    states : mapping from reader id to SessionState
    decisions : Decisions
        The coordinator's, with their reasons; withdrawn cases and voided reads stay in the logs and are named in every export.
    questionnaires : tuple of Filled
        What was answered between blocks of cases.
    kinds : AidKinds or None
        What was done to the aids on purpose; None where nothing was.
    """

    folder: StudyFolder
    plans: Mapping[str, Plan]
    logs: Mapping[str, readlog.LogContents]
    reads: tuple[Read, ...]
    deviations: Mapping[str, tuple[Deviation, ...]]
    states: Mapping[str, SessionState]
    decisions: Decisions
    questionnaires: tuple[Filled, ...] = ()
    kinds: AidKinds | None = None

    def unfinished(self) -> list[tuple[str, int]]:
        """Return (reader id, round number) of every round that a reader has not finished."""
        return [
            (reader.reader_id, a_round.number)
            for reader in self.folder.readers
            for a_round in self.folder.definition.rounds
            if reader.reader_id not in self.states or a_round.number not in self.states[reader.reader_id].finished
        ]


def gather(study: Path) -> Gathered:
    """Load a frozen study and every log in its ``logs`` folder.

    Raises
    ------
    StudyFileError, InputFaults
        If the study is not frozen or has changed, or a log is broken or belongs to another study.
    """
    return gather_folder(StudyFolder.load(study))


def gather_folder(folder: StudyFolder) -> Gathered:
    """Do the same for a study that is loaded already."""
    if not folder.is_frozen:
        raise InputFaults(
            [Fault(str(folder.path), "the study is not frozen, so nothing can have been read", "reader-app freeze DIR")]
        )
    plans = {reader.reader_id: folder.plan(reader.reader_id) for reader in folder.readers}
    logs: dict[str, readlog.LogContents] = {}
    faults: list[Fault] = []
    for reader_id, plan in plans.items():
        path = folder.log_path(reader_id)
        if not path.exists():
            continue
        try:
            contents = readlog.read(path)
        except LogFault as fault:
            faults.append(readlog.as_fault(path, fault))
            continue
        if contents.plan_hash not in folder.plan_hashes(reader_id):
            what = f"the log was written under another plan ({contents.plan_hash[:12]}, this study has {plan.plan_hash[:12]})"
            faults.append(Fault(str(path), what, "use the study folder it was read with"))
            continue
        logs[reader_id] = contents
    if faults:
        raise InputFaults(faults)
    decided = decisions.load(folder.path)
    return Gathered(
        folder,
        plans,
        logs,
        tuple(
            read
            for reader_id, contents in logs.items()
            for read in reads(plans[reader_id], contents.logged)
            if read.case_id not in decided.withdrawn_cases()
            and (reader_id, read.round_no, read.case_id) not in decided.voided_reads()
        ),
        {
            reader_id: (
                *audit(plans[reader_id], contents.logged, folder.earlier_plans(reader_id)),
                *_unfounded(contents.logged, orders.of_reader(decided.taken, reader_id)),
            )
            for reader_id, contents in logs.items()
        },
        {reader_id: replay(plans[reader_id], _events(contents.logged)) for reader_id, contents in logs.items()},
        decided,
        tuple(row for reader_id, contents in logs.items() for row in questionnaires(plans[reader_id], contents.logged)),
        aidkinds.load(folder.path),
    )


def _unfounded(logged: tuple[Logged, ...], known: tuple[orders.Order, ...]) -> list[Deviation]:
    """Return a deviation for each override of a log that the coordinator's decisions do not know."""
    return [
        Deviation("override", own.seq, f"No decision of the coordinator stands behind this {type(own.event).__name__}.")
        for own in orders.unfounded(logged, known)
    ]


def _events(logged: tuple[Logged, ...]) -> list[Event]:
    return [entry.event for entry in logged]
