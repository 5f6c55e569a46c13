"""The Trainer: the loss of a step, lazy updates of word vectors and their learning rate."""

import numpy as np
import pytest
import torch
from support import build_model
from tides import corrupted_texts, make_texts, tokenized
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from glove_lstm.training.arguments import GloveLstmTrainingArguments
from glove_lstm.training.batches import collate
from glove_lstm.training.lazy_adam import LazyAdamW
from glove_lstm.training.lstm import GloveLstmTrainer


def arguments(folder, **options):
    values = {
        "per_device_train_batch_size": 8,
        "num_train_epochs": 3,
        "learning_rate": 5e-3,
        "embedding_learning_rate": 5e-3,
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


def trainer_of(model, arguments, kind="labels", **datasets):
    return GloveLstmTrainer(kind, model, arguments, data_collator=collate, **datasets)


LIKE_THE_DEFAULT_PRESET = {
    "type_embedding_size": 3,
    "embedding_dropout": 0.3,
    "dropout": 0.3,
    "freeze_embeddings": False,
    "ngram_buckets": 64,
}


def losses_of_labels(logits, labels):
    return cross_entropy(logits, labels, reduction="none", label_smoothing=0.1)


def losses_of_several_labels(logits, labels):
    return binary_cross_entropy_with_logits(logits, labels, reduction="none").mean(dim=1)


def losses_of_a_teacher(logits, targets):
    centred = logits - logits.mean(dim=1, keepdim=True)
    return ((centred - targets) ** 2).mean(dim=1)


OF_8_TEXTS, LABELS_OF_8_TEXTS = make_texts(8, seed=1)
HAS_LABEL = np.stack([LABELS_OF_8_TEXTS, np.arange(8) % 2], axis=1).astype(np.float32)
LOGITS = np.random.default_rng(0).normal(size=(8, 1)) * [1.0, -1.0]


@pytest.mark.parametrize(
    ("kind", "values", "problem", "losses_of"),
    [
        ("labels", LABELS_OF_8_TEXTS, None, losses_of_labels),
        ("label sets", HAS_LABEL, "multi_label_classification", losses_of_several_labels),
        ("logits", LOGITS, None, losses_of_a_teacher),
    ],
    ids=["labels", "label sets", "logits"],
)
@pytest.mark.parametrize(("size", "batches"), [(8, 1), (2, 4), (3, 3)])
def test_a_step_follows_the_weighted_mean_loss_of_all_its_batches(
    tmp_path, tokenizer, size, batches, kind, values, problem, losses_of
):
    """Accumulated batches equal a large one, also if the last is smaller; a weight is that many copies of a text."""
    counts = np.array([3, 1, 1, 2, 1, 1, 1, 6])
    weights = counts / counts.mean()
    dataset = tokenized(OF_8_TEXTS, tokenizer, values)
    dataset.weights = weights
    model = build_model(dropout=0.0, problem_type=problem)

    copies = np.repeat(np.arange(8), counts)
    batch = collate(tokenized(OF_8_TEXTS, tokenizer, values).__getitems__(copies))
    targets = batch.pop("labels")
    loss = losses_of(model.train()(**batch).logits, targets).mean()
    [gradient] = torch.autograd.grad(loss, model.classifier.weight)
    step = {"max_steps": 1, "optim": "sgd", "learning_rate": 0.5, "lr_scheduler_type": "constant"}
    step |= {"weight_decay": 0.0, "max_grad_norm": 0.0}
    step |= {"per_device_train_batch_size": size, "gradient_accumulation_steps": batches}
    start = model.classifier.weight.detach().clone()
    trainer_of(model, arguments(tmp_path, **step), kind, train_dataset=dataset).train()
    moved = (start - model.classifier.weight.detach()) / 0.5
    torch.testing.assert_close(moved, gradient, atol=1e-5, rtol=1e-4)


def test_corrupted_copies_are_new_in_each_epoch(tmp_path, tokenizer):
    texts, labels = make_texts(40)
    dataset = corrupted_texts(texts, labels, tokenizer, share=1.0)
    sums_of_ids = []

    def recording(batch):
        sums_of_ids.append(int(batch.tokens.ids.sum()))
        return collate(batch)

    model = build_model(vocab_size=tokenizer.vocab_size, **LIKE_THE_DEFAULT_PRESET)
    trainer = trainer_of(
        model, arguments(tmp_path, per_device_train_batch_size=40), train_dataset=dataset
    )
    trainer.data_collator = recording
    trainer.train()
    assert len(set(sums_of_ids)) == len(sums_of_ids) == 3  # epochs of one batch


def test_frozen_vectors_stay_bit_for_bit_through_training(tmp_path, texts):
    model = build_model(**{**LIKE_THE_DEFAULT_PRESET, "freeze_embeddings": True})
    model.round_tables()
    vectors = model.get_input_embeddings().weight.detach().clone()
    head = model.classifier.weight.detach().clone()
    trainable = model.num_parameters(only_trainable=True)
    assert model.num_parameters() - trainable == vectors.numel()
    args = arguments(tmp_path, embedding_learning_rate=1.0)
    trainer_of(model, args, train_dataset=texts).train()
    assert torch.equal(model.get_input_embeddings().weight, vectors)
    assert not torch.equal(model.classifier.weight, head)


def test_word_vectors_have_a_rate_of_their_own(tmp_path, texts):
    """Adam's first step moves each weight by its rate."""
    model = build_model(**{**LIKE_THE_DEFAULT_PRESET, "ngram_buckets": 0})
    before = {name: value.detach().clone() for name, value in model.named_parameters()}
    options = {"max_steps": 1, "lr_scheduler_type": "constant", "weight_decay": 0.0}
    args = arguments(tmp_path, embedding_learning_rate=1e-4, **options)
    trainer_of(model, args, train_dataset=texts).train()
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
    dense = torch.optim.AdamW(tables[1].parameters(), lr=0.1, weight_decay=0.0)
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
