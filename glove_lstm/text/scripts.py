"""Scripts that write no spaces between words, for Python's regular expressions, which do not know scripts.

The tokenizer asks Unicode's script property instead (`pipelines.py`); a test compares the two.
"""

import re

# For the inside of a class of characters: Thai, Lao, Burmese, Khmer, Chinese and Japanese, as blocks of Unicode. Signs
# and punctuation in these blocks are no letters. publishing/page/explain.js has the same ranges.
SPACELESS = (
    "\u0e01-\u0eff\u1000-\u109f\u1780-\u17ff\u19e0-\u19ff\u2e80-\u2fdf\u3005-\u3007\u3021-\u302f\u3038-\u303b"
    "\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua9e0-\ua9ff"
    "\uaa60-\uaa7f\uf900-\ufaff\uff66-\uff9d\U000116d0-\U000116ff\U00016fe2-\U00016fe3\U00016ff0-\U00016ff6"
    "\U0001aff0-\U0001b16f\U00020000-\U0003ffff"
)
CHARACTER = re.compile(f"[{SPACELESS}]")


def is_spaceless(letter: str) -> bool:
    """Return whether a letter is of a script without spaces."""
    return CHARACTER.match(letter) is not None
