"""Keys that are pressed beside the right ones."""

import random

from benchmarks.corruptions import keyboard_slips


def all_slips(text):
    return {keyboard_slips(text, random.Random(seed), 1.0) for seed in range(200)}


def test_keyboard_slips_press_a_key_beside_the_right_one():
    expected = set()
    for key in "ftyhvb":
        expected |= {key, f"g{key}", f"{key}g"}
    assert all_slips("g") == expected
    assert "." in all_slips("L")
    assert all_slips("ж, 12") == {"ж, 12"}


def test_their_share():
    letters = list("abcdefghij" * 60)
    slipped = keyboard_slips(" ".join(letters), random.Random(0), 0.3).split(" ")
    assert sum(one != other for one, other in zip(letters, slipped, strict=True)) == 180
