"""What is known of the data sets by name: their leaks and duplicates, and whom to cite."""

from dataclasses import dataclass


@dataclass(frozen=True)
class DataNotes:
    """What a card says of a data set.

    Attributes:
        title: Its name.
        known: Its leaks and duplicates, as Markdown list items.
        bibtex: One entry.
    """

    title: str
    known: str
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
        "fake_or_real_news",
        """\
- The label says which source an article came from; nobody checked its claims. Topics, names and boilerplate of a
  source give the label away.
- The `id` column gives the label away too: REAL ids lie low, FAKE ids high. A model must never see it.
- Of the 6,335 rows of the canonical file 36 have no text and 29 repeat another row exactly; more repeat nearly.
  The `default` splits keep exact and near duplicates on one side, the `article` splits do not.
- Articles of 2015 and 2016 about politics in the United States, in English.""",
        """\
@misc{mcintire_fake_or_real_news,
  title        = {fake\\_or\\_real\\_news},
  author       = {McIntire, George},
  howpublished = {\\url{https://github.com/kjam/random_hackery}}
}""",
    ),
    "isot": DataNotes(
        "ISOT",
        """\
- All REAL articles come from one agency, so its style, its boilerplate and its datelines give the label away.""",
        """\
@inproceedings{ahmed2017detection,
  title     = {Detection of Online Fake News Using N-Gram Analysis and Machine Learning Techniques},
  author    = {Ahmed, Hadeer and Traore, Issa and Saad, Sherif},
  booktitle = {Intelligent, Secure, and Dependable Systems in Distributed and Cloud Environments},
  pages     = {127--138},
  year      = {2017}
}""",
    ),
    "recovery": DataNotes(
        "ReCOVery",
        "- The label is the credibility of the publisher; nobody checked the single article.",
        """\
@inproceedings{zhou2020recovery,
  title     = {{ReCOVery}: A Multimodal Repository for {COVID-19} News Credibility Research},
  author    = {Zhou, Xinyi and Mulay, Apurva and Ferrara, Emilio and Zafarani, Reza},
  booktitle = {Proceedings of the 29th ACM International Conference on Information and Knowledge Management},
  pages     = {3205--3212},
  year      = {2020}
}""",
    ),
    "liar": DataNotes(
        "LIAR",
        """\
- Short statements, labelled by fact checkers, mostly of politicians in the United States. The texts alone say
  little about the label.""",
        """\
@inproceedings{wang2017liar,
  title     = {``Liar, Liar Pants on Fire'': A New Benchmark Dataset for Fake News Detection},
  author    = {Wang, William Yang},
  booktitle = {Proceedings of the 55th Annual Meeting of the Association for Computational Linguistics},
  pages     = {422--426},
  year      = {2017}
}""",
    ),
}


def notes_in(description: str) -> list[str]:
    """Names of the data sets that a description of training data mentions."""
    return [name for name in DATA_NOTES if name in description.lower()]
