"""Characters that cannot be written are replaced as the tokenizer replaces them."""

from hostile import examples, texts
from hypothesis import given, settings

from glove_lstm.data.words import replace_surrogates
from glove_lstm.tokenization import word_shapes


@settings(max_examples=examples(200), deadline=None)
@given(text=texts)
def test_lone_surrogates_are_replaced_as_by_the_tokenizer(text):
    replaced = replace_surrogates(text)
    assert replaced == word_shapes.replace_surrogates(text)
    assert len(replaced) == len(text)
    assert replaced.encode().decode() == replaced
