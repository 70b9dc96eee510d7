"""The models that compete: the retrained model, the champion, and the champion recalibrated."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import ValidationError

from components.core import storage
from components.core.artifacts import MODEL_CARD, PUBLISHED, SAVED_MODEL, ModelCard
from components.core.digest import digest_folder
from components.core.errors import InputError, RunError
from components.core.plan import Champion, Plan
from components.core.tasks import Comparison
from components.core.verdict import Finding
from components.model.evaluate import recalibration
from components.model.evaluate.comparison import Holdouts, Probabilities
from components.model.evaluate.gate import check_champion, recalibration_skipped
from components.model.examples import read_newest_labelled
from components.model.saved_model import SavedModelRunner

CHAMPION, RETRAINED, RECALIBRATED = "champion", "retrained", "recalibrated"


class ChampionUnavailable(Exception):
    """Why there is no champion to compare with, although one serves."""


@dataclass(frozen=True)
class CandidateModel:
    """A model that predicts examples; a recalibrated one is the champion and a scaling on top."""

    name: str
    version: str
    folder: Path
    card: ModelCard
    runner: SavedModelRunner
    scaling: recalibration.PlattScaling | None = None

    def predict(self, rows: pa.Table) -> NDArray[np.float64]:
        """The probability of every row, float64 [n]."""
        if not rows.num_rows:
            return np.empty(0)
        probability = self.runner.probability(rows)
        return self.scaling.apply(probability) if self.scaling else probability


@dataclass(frozen=True)
class Candidates:
    """The candidates by name, their predictions, and findings about the comparison itself."""

    models: Mapping[str, CandidateModel]
    probabilities: Mapping[str, Probabilities]
    conditions: tuple[Finding, ...]


def load_candidates(
    plan: Plan, examples: Path, model: Path, holdouts: Holdouts, scratch: Path
) -> Candidates:
    """Loads the candidates and predicts the holdouts with each.

    The newest training rows of the examples recalibrate the champion; `scratch` is a folder for a
    copy of a remote one.
    """
    card = ModelCard.read(model / MODEL_CARD)
    retrained = _load(RETRAINED, card.version, model, card)
    if plan.champion is None:
        return _predicted([retrained], holdouts, [check_champion(plan, None)])
    rows = max((part.rows for part in holdouts.values()), key=lambda rows: int(rows.num_rows))
    try:
        champion = _load_champion(plan.champion, rows, scratch)
    except ChampionUnavailable as error:
        return _predicted([retrained], holdouts, [check_champion(plan, str(error))])
    condition = check_champion(plan, None)
    recalibrated = _recalibrate(champion, plan, examples)
    if isinstance(recalibrated, Finding):
        return _predicted([champion, retrained], holdouts, [condition, recalibrated])
    return _predicted([champion, retrained, recalibrated], holdouts, [condition])


def _load_champion(champion: Champion, rows: pa.Table, into: Path) -> CandidateModel:
    """Loads the model that serves now and proves that it answers one of `rows`."""
    folder, card = open_champion(champion, into)
    try:
        loaded = _load(CHAMPION, champion.version, folder, card)
        loaded.predict(rows.slice(0, 1))
    except (InputError, RunError, LookupError, TypeError, ValueError) as error:
        raise ChampionUnavailable(f"{champion.uri} does not answer: {_told(error)}") from error
    return loaded


def open_champion(champion: Champion, into: Path) -> tuple[Path, ModelCard]:
    """Verifies the champion's folder, where it is or copied into another from a remote one.

    Raises:
        ChampionUnavailable: It is not there, or not what was deployed.
    """
    uri = champion.uri
    try:
        filesystem, path = storage.resolve(uri)
        folder = Path(path)
        if "file" not in filesystem.protocol or (folder / PUBLISHED).exists():
            # The store's marker is not the model's.
            storage.fetch_folder(uri, into, leave_out=(PUBLISHED,))
            folder = into
        if not folder.is_dir():
            raise ChampionUnavailable(f"its folder {uri} does not exist")
        if digest_folder(folder) != champion.digest:
            raise ChampionUnavailable(f"{uri} is not what was deployed: its digest differs")
        return folder, ModelCard.read(folder / MODEL_CARD)
    except (OSError, ImportError, ValidationError, InputError) as error:
        raise ChampionUnavailable(f"{uri}: {_told(error)}") from error


def _recalibrate(champion: CandidateModel, plan: Plan, examples: Path) -> CandidateModel | Finding:
    """Recalibrates the champion on the newest training rows, or says why it cannot."""
    calibration = getattr(champion.runner.model, "calibration", None)
    if tuple(getattr(calibration, "shape", ())) != (2,):
        return recalibration_skipped("its SavedModel has no calibration that can be changed")
    period, min_rows = recalibration.NEWEST, recalibration.MIN_ROWS
    newest = read_newest_labelled(examples, plan.spec, period, min_rows)
    chosen = recalibration.newest_rows(newest.event_time, champion.card.as_of)
    probability = champion.predict(newest.rows.take(chosen))
    scaling = recalibration.fit_platt_scaling(probability, newest.label[chosen])
    if scaling is None:
        return recalibration_skipped(f"{len(chosen)} newest training rows give no sound fit")
    return replace(champion, name=RECALIBRATED, version=f"{plan.version}-c", scaling=scaling)


def recalibrated_card(
    candidates: Candidates, comparisons: Mapping[str, Comparison], plan: Plan, run: str
) -> ModelCard:
    """The card of the champion recalibrated: its weights and columns, but this run's data."""
    model = candidates.models[RECALIBRATED]
    digests = {**model.card.digests, **plan.digests, "plan": plan.digest}
    examples = candidates.models[RETRAINED].card.digests.get("examples")
    if examples is not None:
        digests["examples"] = examples
    if plan.champion is not None:
        digests["champion"] = plan.champion.digest
    metrics = {
        holdout: {n: v for n, v in c.values[RECALIBRATED].items() if v is not None}
        for holdout, c in comparisons.items()
    }
    return model.card.model_copy(
        update={
            "version": model.version,
            "method": RECALIBRATED,
            "as_of": plan.as_of,
            "run": run,
            "digests": digests,
            "metrics": metrics,
            "rows": model.scaling.rows if model.scaling else 0,
        }
    )


def _load(name: str, version: str, folder: Path, card: ModelCard) -> CandidateModel:
    runner = SavedModelRunner(folder / SAVED_MODEL, card.columns)
    return CandidateModel(name, version, folder, card, runner)


def _predicted(
    models: Sequence[CandidateModel], holdouts: Holdouts, conditions: Sequence[Finding]
) -> Candidates:
    predictions: dict[str, Probabilities] = {}
    for model in models:
        if model.scaling is None:
            predictions[model.name] = {n: model.predict(part.rows) for n, part in holdouts.items()}
        else:  # the champion has predicted before
            champion = predictions[CHAMPION].items()
            predictions[model.name] = {name: model.scaling.apply(p) for name, p in champion}
    return Candidates({model.name: model for model in models}, predictions, tuple(conditions))


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
