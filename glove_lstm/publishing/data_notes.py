"""Known leaks and duplicates of the built-in datasets, and their citations."""

from typing import NamedTuple


def title_of_data(description: str) -> str:
    """Return the title in a description of data, without the names of files; empty for files alone or a folder.

    For example:

        "liar (two) from train.tsv, test.tsv"     "liar (two)"
        "user/data (en)"                          "user/data (en)"
        "train a.csv, validation b.csv"           ""
    """
    title = description.partition(" from ")[0]
    # Names of files have an ending, and a folder is described as "./folder". An id of the Hub may have a dot, too, but
    # `_dataset` in card_metadata.py recognises it first.
    are_files = "." in title
    if are_files:
        return ""
    return title


class DataNotes(NamedTuple):
    """Notes of a dataset."""

    title: str
    hub_id: str  # id of the same texts on the Hub; empty if they are not there
    known: str  # its leaks and duplicates, as Markdown list items
    bibtex: str


GLOVE_BIBTEX = """\
@inproceedings{pennington2014glove,
  title     = {{GloVe}: Global Vectors for Word Representation},
  author    = {Pennington, Jeffrey and Socher, Richard and Manning, Christopher D.},
  booktitle = {Proceedings of the 2014 Conference on Empirical Methods in Natural Language Processing},
  pages     = {1532--1543},
  year      = {2014}
}"""

DATA_NOTES = {
    "fake_or_real_news": DataNotes(
        title="fake_or_real_news",
        hub_id="",
        known="""\
- A label names the source of an article; nobody checked its claims. Topics, names and boilerplate of a source reveal
  the label.
- The `id` column reveals the label too: REAL ids are low, FAKE ids are high. Do not give it to a model.
- Of the 6,335 rows of the canonical file, 36 have no text and 29 are exact duplicates; there are more near duplicates.
  The `default` splits keep exact and near duplicates on one side, the `article` splits do not.
- Articles of 2015 and 2016 about politics in the United States, in English.""",
        bibtex="""\
@misc{mcintire_fake_or_real_news,
  title        = {fake\\_or\\_real\\_news},
  author       = {McIntire, George},
  howpublished = {\\url{https://github.com/kjam/random_hackery}}
}""",
    ),
    "liar": DataNotes(
        title="LIAR",
        hub_id="ucsbnlp/liar",
        known="""\
- Short statements, mostly of politicians in the United States, labelled by fact checkers. The text alone reveals
  little of the label.""",
        bibtex="""\
@inproceedings{wang2017liar,
  title     = {``Liar, Liar Pants on Fire'': A New Benchmark Dataset for Fake News Detection},
  author    = {Wang, William Yang},
  booktitle = {Proceedings of the 55th Annual Meeting of the Association for Computational Linguistics},
  pages     = {422--426},
  year      = {2017}
}""",
    ),
}
