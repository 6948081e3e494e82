"""What the panel says of an aid: from a stored prediction and the study file to words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from reader_app.study.assignment import RoundPlan
from reader_app.study.definition import StudyDefinition
from reader_app.study.session import SessionState
from reader_app.ui.language import tr
from reader_app.ui.panels.aid_panel import AidView

if TYPE_CHECKING:
    from reader_app.ai.results import Prediction


def aid_view(definition: StudyDefinition, entry: RoundPlan, aid: Prediction, state: SessionState, due: bool) -> AidView:
    """Return what the panel says of an aid.

    Parameters
    ----------
    definition : StudyDefinition
        Knows the model's title and explanation.
    entry : RoundPlan
    aid : Prediction
    state : SessionState
    due : bool
        Whether the aid may be on the screen now; otherwise only that it comes later is said.
    """
    if not due:
        return AidView("sealed")
    if not state.aid_visible and state.displayed:
        return AidView("hidden")
    model = next((own for own in definition.models if own.model_id == entry.aid), None)
    trained = re.sub(r"(?i)^trained on\s+", "", str(aid.provenance.get("training_data", "")))
    words = [model.explanation if model is not None else ""]
    if trained.lower().startswith(("simulated", "unknown")):
        words.append(f"{trained.rstrip('.')}.")  # says by itself that nothing was trained, or that nobody knows on what
    elif trained:
        words.append(tr("Trained on {data}.", data=trained.rstrip(".")))
    return AidView(
        status=aid.status,
        call=aid.call,
        positive=aid.positive,
        probability=aid.probability,
        threshold=aid.threshold,
        model=model.title if model is not None and model.title else aid.model_id,
        explanation=" ".join(word for word in words if word),
        reason="" if aid.status == "withheld" else aid.reason,
    )
