"""Which pages are compared with which, and what they may cost."""

from dataclasses import dataclass

from bench.trial import Ask


@dataclass(frozen=True)
class Pair:
    """A page of ours and the bare page that shows as much."""

    name: str
    ours: Ask
    floor: Ask
    most: float = 4.0
    """The goal: CPU of ours / CPU of the floor."""
    times: int = 12
    """Requests a round."""


SAID = (
    (
        "body",
        "The basket keeps its **pears** but forgets the plums: see BIG-7, `plum_count`.\n\n- one\n- two",
    ),
)
WRITTEN_ON = range(5, 24)

PAGES = (
    Pair("list of 50 issues", Ask(("/projects/BIG/issues",)), Ask(("/",))),
    Pair("issue with 10 events", Ask(("/issues/BIG-1",)), Ask(("/issues/1",))),
    Pair("issue with 50 events", Ask(("/issues/BIG-2",)), Ask(("/issues/2",))),
    Pair("issue with 2,000 events, first view", Ask(("/issues/BIG-3",)), Ask(("/issues/2",))),
    Pair("a person's feed, 50 events", Ask(("/people/person3/activity",)), Ask(("/feed?author=4",))),
    Pair("a project's feed, 50 events", Ask(("/projects/BIG/activity",)), Ask(("/feed",))),
    Pair("home, 50 events and own issues", Ask(("/",)), Ask(("/feed",))),
)
COMMENT = Pair(
    "a comment's POST",
    Ask(tuple(f"/issues/BIG-{number}/comments" for number in WRITTEN_ON), SAID, expects=303),
    Ask(
        tuple(f"/issues/{number}" for number in WRITTEN_ON),
        (("body", "The basket keeps its pears"),),
        expects=303,
    ),
    times=10,
)

FEW_AND_MANY = (
    (
        "list",
        "/projects/BIG/issues?q=priority:urgent+letter+plum+pear",
        "/projects/BIG/issues?q=priority:none",
    ),
    ("issue", "/issues/BIG-1", "/issues/BIG-2"),
    ("issue, more than it shows", "/issues/BIG-3", "/issues/BIG-4"),
    ("person", "/people/quill/activity", "/people/person3/activity"),
    ("project", "/projects/APP/activity", "/projects/BIG/activity"),
)
"""Two addresses of a page that must ask the database as often: with few rows, and with many."""

MANY_TO_FEW = 1.5
"""The goal: CPU of the issue with 2,000 events / of the one with 10."""
RECORDING = {"sqlite": 1.3, "postgresql": 1.6}
"""The goal: an event with its deliveries / the event alone, committed."""
SEALING = 1.15
"""The goal: a recorded event with its hash / without."""
