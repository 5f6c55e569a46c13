"""Record how a model was made, and from which texts."""

import logging

import torch
import transformers
from transformers.trainer_callback import TrainerState

from glove_lstm.checkpoint.text_record import TextRecord
from glove_lstm.distillation.targets import Targets
from glove_lstm.distillation.teacher import Teacher
from glove_lstm.inference.light_classifier import LightClassifier
from glove_lstm.modeling.modeling_glove_lstm import GloveLstmForSequenceClassification
from glove_lstm.tables.examples import Split
from glove_lstm.training.initial_model import InitialModel, LoadedCheckpoint
from glove_lstm.training.record import CalibrationRecord, TeacherRecord, TrainingRecord
from glove_lstm.training.settings import Settings
from glove_lstm.version import __version__

logger = logging.getLogger(__name__)


def count_known_texts(split: Split, checkpoint: LoadedCheckpoint | None) -> int | None:
    """Count the validation texts that the training or that of the checkpoint learns from, and warn of them.

    They make measures too good and scores too sure. Texts are compared by their lower-cased words.

    Returns:
        None if the texts of the checkpoint are unknown.
    """
    if split.validation is None:
        return 0
    texts = split.validation.texts
    is_learned, _ = TextRecord.of(split.train.texts, ()).find(texts)
    if is_learned.any():
        logger.warning(
            "%d of %d validation texts are training texts, too, which makes the scores too sure: leave them out of "
            "one of the two.",
            is_learned.sum(),
            len(texts),
        )
    if checkpoint is None:
        return int(is_learned.sum())
    if checkpoint.text_record is None or not checkpoint.text_record.complete:
        return None
    was_learned, _ = checkpoint.text_record.find(texts)
    if was_learned.any():
        logger.warning(
            "%d of %d validation texts were learned by %s, which makes their measures too good and the scores too "
            "sure: give validation texts that it has not learned.",
            was_learned.sum(),
            len(texts),
            checkpoint.name,
        )
    return int((is_learned | was_learned).sum())


def make_record(
    settings: Settings,
    split: Split,
    targets: Targets,
    initial: InitialModel,
    state: TrainerState,
    model: GloveLstmForSequenceClassification,
    *,
    validation_seen: int | None,
    checkpoint: LoadedCheckpoint | None,
    teacher: Teacher | None,
    classifier: LightClassifier,
    calibration: CalibrationRecord | None,
    ngram_c: float | None,
    seconds: float,
) -> TrainingRecord:
    """Return the record of a training, from what its steps returned, and the seconds that they took."""
    validation = split.validation
    return TrainingRecord(
        preset=settings.preset,
        options=settings.described(initial.tokenizer, model.config),
        train_texts=len(split.train),
        validation_texts=0 if validation is None else len(validation),
        validation_seen=validation_seen,
        glove=initial.glove,
        vocabulary_with_vectors=initial.vocabulary_with_vectors,
        fine_tuned_from=None if checkpoint is None else checkpoint.name,
        label_weights=split.label_weights,
        ngram_c=ngram_c,
        epochs=float(state.epoch or 0),
        history=state.log_history,
        calibration=calibration,
        teacher=_teacher_record(teacher, split, targets, classifier),
        parameters=model.num_parameters(),
        hardware=_hardware(model.device, teacher),
        versions={
            "glove_lstm": __version__,
            "torch": torch.__version__,
            "transformers": transformers.__version__,
        },
        seconds=seconds,
    )


def make_text_record(split: Split, checkpoint: LoadedCheckpoint | None) -> TextRecord:
    """Record the texts of this training, and those of the training of the checkpoint."""
    record = TextRecord.of([*split.train.texts, *split.unlabelled], split.held_out_texts)
    if checkpoint is None:
        return record
    return record.added_to(checkpoint.text_record)


def _teacher_record(
    teacher: Teacher | None, split: Split, targets: Targets, classifier: LightClassifier
) -> TeacherRecord | None:
    if teacher is None:
        return None
    agreement = None
    calibration = targets.calibration_texts
    if calibration is not None and calibration.teacher_logits is not None:
        logits_of_model = classifier.predict_logits(calibration.texts)
        is_same = logits_of_model.argmax(axis=1) == calibration.teacher_logits.argmax(axis=1)
        agreement = float(is_same.mean())
    return TeacherRecord(
        name=teacher.name,
        kind=teacher.kind,
        revision=teacher.revision,
        license=teacher.license,
        learned="logits" if targets.kind == "logits" else "best labels",
        temperature=targets.temperature,
        texts=len(targets.texts),
        copies=targets.copies,
        unlabelled=len(split.unlabelled),
        agreement=agreement,
        settings=teacher.settings,
    )


def _hardware(device: torch.device, teacher: Teacher | None) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type == "cpu" and teacher is None:
        return "CPU, one thread"
    return device.type.upper()  # a teacher uses all cores
