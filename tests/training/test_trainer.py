"""The Trainer: resuming in mid-epoch, the rate of the word vectors, evaluation and predictions."""

import numpy as np
import pytest
import torch
from support import build_model
from tides import corrupted_texts, make_texts, tokenized
from transformers import TrainerCallback

from glove_lstm.inference.torch_classifier import predict_logits
from glove_lstm.training.arguments import GloveLstmTrainingArguments
from glove_lstm.training.lazy_adam import LazyAdamW
from glove_lstm.training.trainer import GloveLstmTrainer


def arguments(folder, **options):
    values = {
        "per_device_train_batch_size": 8,
        "num_train_epochs": 3,
        "learning_rate": 5e-3,
        "label_smoothing_factor": 0.1,
        "weight_decay": 0.01,
        "seed": 3,
        "use_cpu": True,
        "report_to": "none",
        "remove_unused_columns": False,
        "disable_tqdm": True,
        "save_strategy": "no",
        "logging_strategy": "no",
        "dataloader_pin_memory": False,
    }
    return GloveLstmTrainingArguments(output_dir=str(folder), **{**values, **options})


LIKE_THE_DEFAULT_PRESET = {
    "type_embedding_size": 3,
    "embedding_dropout": 0.3,
    "dropout": 0.3,
    "freeze_embeddings": False,
    "ngram_buckets": 64,
}


class Interrupt(TrainerCallback):
    """Interrupts a training two steps after a checkpoint."""

    def on_step_end(self, args, state, control, **kwargs):
        if state.global_step == 20:
            raise KeyboardInterrupt


def test_resuming_in_mid_epoch_ends_with_the_same_weights(tmp_path, tokenizer):
    # 13 steps an epoch: step 18 is in the middle of the second of three.
    options = {
        "save_strategy": "steps",
        "save_steps": 18,
        "embedding_learning_rate": 1e-3,
        "lr_scheduler_type": "linear",
    }

    def trainer(folder, seed=0, callbacks=()):
        return GloveLstmTrainer(
            build_model(seed=seed, **LIKE_THE_DEFAULT_PRESET),
            arguments(tmp_path / folder, **options),
            train_dataset=corrupted_texts(*make_texts(97), tokenizer),
            callbacks=list(callbacks),
        )

    whole = trainer("whole")
    start = {name: value.clone() for name, value in whole.model.state_dict().items()}
    whole.train()
    with pytest.raises(KeyboardInterrupt):
        trainer("interrupted", callbacks=[Interrupt]).train()
    torch.manual_seed(99)
    resumed = trainer("interrupted", seed=7)
    resumed.train(resume_from_checkpoint=True)
    assert resumed.state.global_step == whole.state.global_step == 39
    for name, value in whole.model.state_dict().items():
        assert torch.equal(resumed.model.state_dict()[name], value), name
        assert not torch.equal(start[name], value), name


def test_frozen_vectors_stay_bit_for_bit_through_training(tmp_path, texts):
    model = build_model(**{**LIKE_THE_DEFAULT_PRESET, "freeze_embeddings": True})
    model.round_tables()
    vectors = model.get_input_embeddings().weight.detach().clone()
    head = model.classifier.weight.detach().clone()
    trainable = model.num_parameters(only_trainable=True)
    assert model.num_parameters() - trainable == vectors.numel()
    args = arguments(tmp_path, embedding_learning_rate=1.0)
    GloveLstmTrainer(model, args, train_dataset=texts).train()
    assert torch.equal(model.get_input_embeddings().weight, vectors)
    assert not torch.equal(model.classifier.weight, head)


def test_word_vectors_have_a_rate_of_their_own(tmp_path, texts):
    """Adam's first step moves each weight by its rate."""
    model = build_model(**LIKE_THE_DEFAULT_PRESET)
    before = {name: value.detach().clone() for name, value in model.named_parameters()}
    options = {"max_steps": 1, "lr_scheduler_type": "constant", "weight_decay": 0.0}
    args = arguments(tmp_path, embedding_learning_rate=1e-4, **options)
    GloveLstmTrainer(model, args, train_dataset=texts).train()
    for name, value in model.named_parameters():
        rate = 5e-3
        if name == "encoder.embeddings.word_embeddings.weight":
            rate = 1e-4
        moved = (value - before[name]).abs().max().item()
        assert moved == pytest.approx(rate, rel=0.02), name


def test_lazy_updates_of_rows_in_use_equal_adam():
    """Where each step of three batches uses every row, lazy Adam is Adam; rows that no step uses stay as they are."""
    torch.manual_seed(0)
    tables = [torch.nn.Embedding(7, 3), torch.nn.Embedding(7, 3)]
    tables[1].load_state_dict(tables[0].state_dict())
    unused = tables[0].weight[5:].detach().clone()
    lazy = LazyAdamW([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    lazy.add_embeddings(tables[:1], lr=0.1)
    dense = torch.optim.Adam(tables[1].parameters(), lr=0.1)
    for step in range(5):
        for batch, rows in enumerate(([0, 1, 2, 3, 4], [1, 1, 1], [1, 1, 2])):
            for table in tables:
                loss = (table(torch.tensor(rows)) ** 2).sum() * (step + batch + 1)
                loss.backward()
        assert tables[0].weight.grad is None
        lazy.step()
        dense.step()
        dense.zero_grad()
    torch.testing.assert_close(tables[0].weight[:5], tables[1].weight[:5])
    assert torch.equal(tables[0].weight[5:], unused)
    lazy.release_embeddings()
    tables[0](torch.tensor([0])).sum().backward()
    assert not tables[0].weight.grad.is_sparse


@pytest.fixture(scope="module")
def model(tokenizer):
    return build_model(vocab_size=tokenizer.vocab_size, type_embedding_size=3)


def logits_one_by_one(model, tokenizer, *columns):
    logits = []
    with torch.no_grad():
        for row in zip(*columns, strict=True):
            inputs = tokenizer(*row, return_tensors="pt")
            [logits_of_row] = model(**inputs).logits
            logits.append(logits_of_row.numpy())
    return np.array(logits)


def test_evaluation_measures_each_text_with_its_label(tmp_path, model, tokenizer):
    texts, labels = make_texts(41, seed=5)
    predicted = logits_one_by_one(model, tokenizer, texts).argmax(axis=1)

    def count_right(prediction):
        is_right = prediction.predictions.argmax(axis=1) == prediction.label_ids
        return {"right": float(is_right.sum())}

    trainer = GloveLstmTrainer(
        model,
        arguments(tmp_path, per_device_eval_batch_size=8),
        eval_dataset=tokenized(texts, tokenizer, labels),
        compute_metrics=count_right,
    )
    assert trainer.evaluate()["eval_right"] == (predicted == labels).sum()


def test_predictions_are_in_the_order_of_the_texts(model, tokenizer):
    texts, _ = make_texts(41, seed=5)
    pairs = texts[::-1]
    expected = logits_one_by_one(model, tokenizer, texts, pairs)
    logits = predict_logits(model.train(), tokenizer, texts, pairs)
    np.testing.assert_allclose(logits, expected, atol=1e-5)
    assert not model.training
    assert predict_logits(model, tokenizer, []).shape == (0, 2)
