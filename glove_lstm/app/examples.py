"""Texts and words to begin with, written for this app."""

TEXTS = {
    "Agency style": (
        "Harbour council approves new ferry timetable",
        "The harbour council voted 7 to 2 on Tuesday to add an early ferry from the northern islands, its clerk said "
        "in a statement. The change takes effect in April and costs 40,000 a year. Two members objected that the pier "
        "had not been inspected since the storm in January.",
    ),
    "Loud style": (
        "You WON'T BELIEVE what the ferry company is HIDING!!!",
        "They told you the new timetable was for YOUR benefit. Wake up! A secret memo that the elites never wanted "
        "you to see proves the whole thing was rigged from the start. Share this before they delete it!!!",
    ),
    "A loud title for a dull event": ("SHOCK at the pier: early ferry delayed by one hour!", ""),
}
MAP = "senate vote minister court bank report budget secret shocking hoax hidden truth elites doctor cure vaccine"
ANALOGY = ("man", "king", "woman")
WORD = "minister"
