"""The one printer of tables."""

from glove_lstm.printable import markdown_table


def test_a_table_reads_well_as_text_and_as_markdown():
    rows = [["a|b", "0.9", "+1 to 2"], ["<i>\nx\x1b", "11"]]
    assert markdown_table(["label", "score", "interval"], rows).splitlines() == [
        "| label     | score | interval |",
        "| --------- | ----: | -------: |",
        r"| a\|b      |   0.9 |  +1 to 2 |",
        "| &lt;i> x\ufffd |    11 |          |",
    ]
    assert markdown_table(["a"], []).splitlines() == ["|   a |", "| --: |"]
