"""What users of transformers, captum and torch do with any text classifier."""

import pytest
import torch
from support import build_model

from glove_lstm.modeling.configuration_glove_lstm import KNOWN

EVERYTHING = {"type_embedding_size": 3, "character_buckets": 20, "ngram_buckets": 40}
# Padding on the left, on the right and between tokens.
MASK = torch.tensor(
    [
        [0, 0, 1, 1, 1],
        [1, 1, 0, 0, 0],
        [1, 0, 1, 0, 1],
        [0, 0, 0, 0, 0],
    ]
)


def padded_inputs():
    ids = torch.arange(3, 23).view(4, 5)
    return {"input_ids": ids, "token_type_ids": 8 * KNOWN + ids % 7, "attention_mask": MASK}


@pytest.mark.parametrize("length", [0, 2])
def test_hidden_states_are_in_the_places_of_the_tokens(length):
    model = build_model(lstm_length=length, **EVERYTHING)
    inputs = padded_inputs()
    output = model(**inputs, output_hidden_states=True)
    encoded = model.encoder(**inputs, output_hidden_states=True)
    for states in (output.hidden_states, encoded.hidden_states):
        vectors, hidden = states
        assert vectors.shape == (4, 5, 9)
        assert torch.equal(hidden, encoded.last_hidden_state)
        is_read = MASK.bool()
        if length:
            is_read = is_read & (MASK.cumsum(dim=1) <= length)
        words = model.get_input_embeddings()(inputs["input_ids"])
        torch.testing.assert_close(vectors[is_read][:, :6], words[is_read])
        assert not vectors[~is_read].any()
        assert not hidden[~is_read].any()
    without = model(**inputs)
    assert torch.equal(output.logits, without.logits)
    assert without.hidden_states is output.attentions is None
    model.config.output_hidden_states = True
    _, states, _ = model(**inputs, return_dict=False)
    assert torch.equal(states[1], output.hidden_states[1])


def test_a_hook_may_replace_the_word_vectors_by_other_points():
    """As captum's `LayerIntegratedGradients` does: points of many steps in one batch, and gradients for them."""
    model = build_model()
    layer = model.get_input_embeddings()
    ids = torch.tensor([[3, 4, 5, 6], [7, 8, 0, 0]])
    mask = (ids != 0).long()
    halves = [layer(ids) / 2, layer(ids)]
    expected = [model(inputs_embeds=half, attention_mask=mask).logits for half in halves]

    # All texts of a step, then all texts of the next, as in ids.repeat.
    points = torch.cat(halves).detach().requires_grad_()
    hook = layer.register_forward_hook(lambda *_: points)
    logits = model(ids.repeat(2, 1), attention_mask=mask.repeat(2, 1)).logits
    hook.remove()
    torch.testing.assert_close(logits, torch.cat(expected))
    [gradients] = torch.autograd.grad(logits[:, 1].sum(), points)
    is_padding = mask.repeat(2, 1) == 0
    assert not gradients[is_padding].any()
    assert gradients[~is_padding].any(dim=-1).all()


THREE = {"num_labels": 3}


@pytest.mark.parametrize(
    ("config", "labels"),
    [
        (THREE, torch.tensor([[1], [2]])),
        (THREE, torch.tensor([-100, 2])),
        (THREE, torch.ones(2, 3)),
        ({"num_labels": 1}, torch.ones(2, 1)),
    ],
)
def test_labels_that_transformers_takes_are_taken(config, labels):
    model = build_model(**config).train()
    loss = model(torch.tensor([[3, 4], [5, 6]]), labels=labels).loss
    assert loss.isfinite()
    loss.backward()
