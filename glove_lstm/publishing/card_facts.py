"""The values that the template of the model card prints."""

from dataclasses import dataclass
from pathlib import Path

from glove_lstm.checkpoint import LOADED_NAMES, TRAINING_TEXTS_NAME
from glove_lstm.publishing import card_results, card_training
from glove_lstm.publishing.card_markdown import count, plain
from glove_lstm.publishing.card_metadata import metadata
from glove_lstm.publishing.card_run import CardRun

PLACEHOLDER_ID = "your-name/your-model"  # in the card of a checkpoint that was never pushed


@dataclass(frozen=True)
class CardFacts:
    """The values that `model_card.md` prints.

    Strings are Markdown. If a value is empty or False, the template leaves out its section or sentence.
    """

    metadata: str  # YAML
    name: str
    repo_id: str
    # The model has a repository on the Hub; a push adds handler.py and notebook.ipynb.
    has_repository: bool
    news: bool  # the labels are FAKE and REAL

    labels: str
    parameters: str
    megabytes: str
    thumbnail: str
    network: str

    max_length: str  # tokens
    lstm_length: str  # tokens that the LSTM reads, if they are fewer than max_length
    kept_part: str  # of a longer text
    learning_rate: str  # for fine-tuning
    batch_size: str

    results: str
    more_measures: str
    baselines: str
    sources_title: str
    sources: str
    calibration: str
    robustness: str
    plots: str
    examples: str

    data: str
    fine_tuned_from: str
    has_record: bool  # training_texts.safetensors is there
    known_leaks: str

    procedure: str
    settings: str
    teachers: str
    speed: str
    cost: str

    word_vectors: str
    bibtex: str

    @classmethod
    def of(cls, folder: Path, repo_id: str) -> "CardFacts":
        """Compute the facts of a checkpoint.

        benchmarks/make_hub.py writes `card` into the metrics.json of the shipped checkpoint: a `name`, a `license` (an
        id of the Hub), a `data_description`, and a `results_note`, which stands below the first table.

        Raises:
            DataError: metrics.json or config.json cannot be read.
        """
        run = CardRun(folder)
        card = run.metrics.get("card", {})
        name = card.get("name", "GloVe+LSTM")
        kept_part = "beginning"
        if run.arguments.get("truncation_side") == "left":
            kept_part = "end"
        return cls(
            metadata=metadata(run, name, card.get("license", "unknown"), repo_id),
            name=name,
            repo_id=repo_id,
            has_repository=repo_id != PLACEHOLDER_ID,
            news=run.news,
            labels=", ".join(plain(label) for label in run.labels),
            parameters=count(run.about["parameters"]),
            megabytes=f"{_loaded_bytes(folder) / 1e6:.1f}",
            thumbnail=card_results.thumbnail(run),
            network=card_training.network(run),
            max_length=card_training.max_length(run),
            lstm_length=card_training.lstm_length(run),
            kept_part=kept_part,
            learning_rate=str(run.arguments.get("learning_rate") or ""),
            batch_size=str(run.arguments.get("per_device_train_batch_size") or ""),
            results=card_results.results(run),
            more_measures=card_results.more_measures(run),
            baselines=card_results.baselines(run),
            sources_title=run.unseen_sources_phrase.capitalize(),
            sources=card_results.sources(run),
            calibration=card_results.calibration(run),
            robustness=card_results.robustness(run),
            plots=card_results.plots(run),
            examples=card_results.examples(run),
            data=card.get("data_description", f"The texts: {run.about['data']}."),
            fine_tuned_from=run.about.get("fine_tuned_from", ""),
            has_record=(folder / TRAINING_TEXTS_NAME).is_file(),
            known_leaks=card_training.known_leaks(run),
            procedure=card_training.procedure(run),
            settings=card_training.settings(run),
            teachers=card_training.teachers(run),
            speed=card_training.speed(run),
            cost=card_training.cost(run),
            word_vectors=card_training.word_vectors(run),
            bibtex=card_training.bibtex(run),
        )


def _loaded_bytes(folder: Path) -> int:
    """Return the size of the files that a prediction loads."""
    total = 0
    for name in LOADED_NAMES:
        path = folder / name
        if path.is_file():
            total += path.stat().st_size
    return total
