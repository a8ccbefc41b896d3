"""What people type is made clean, or refused in words."""

import pytest

from app.errors import Invalid
from app.web.text import clean_line, clean_text


def line(value: object, **rules: int) -> str:
    return clean_line(value, field="title", name="The title", **{"most": 20, **rules})


def body(value: object, **rules: int) -> str:
    return clean_text(value, field="body", name="The text", **rules)  # type: ignore[arg-type]


def test_a_line_is_trimmed_and_its_gaps_are_single() -> None:
    assert line("  two \t words \r\n here ") == "two words here"


def test_one_form_of_each_character() -> None:
    assert line("Cafe\u0301") == "Café"


def test_text_keeps_its_lines_with_one_kind_of_end() -> None:
    assert body("a\r\nb\rc\n\n\nd  \n\n") == "a\nb\nc\n\n\nd"
    assert body("    code first") == "    code first"
    assert body(" \n\t\n") == ""


@pytest.mark.parametrize("bad", ["\x00", "\x1b[31m", "\ud800", "\x7f", "\x85", "\x0b"])
def test_characters_that_cannot_be_kept_are_refused(bad: str) -> None:
    for clean in (line, body):
        with pytest.raises(Invalid, match="cannot be kept"):
            clean(f"a{bad}b")


@pytest.mark.parametrize("bad", ["\u202e", "\u2066", "\u202a"])
def test_a_line_may_not_turn_its_direction_but_text_may(bad: str) -> None:
    with pytest.raises(Invalid, match="direction"):
        line(f"a{bad}b")
    assert body(f"a{bad}b") == f"a{bad}b"


@pytest.mark.parametrize("kept", ["👩‍👩‍👧", "日本語", "שלום", "naïve", "a\u200db"])
def test_all_writing_is_welcome(kept: str) -> None:
    assert line(kept) == kept


def test_lengths_are_said_in_numbers() -> None:
    with pytest.raises(Invalid, match="The title has 21 characters; 20 is the most"):
        line("x" * 21)
    with pytest.raises(Invalid, match="The title is missing"):
        line("   ")
    with pytest.raises(Invalid, match="needs at least 3"):
        line("ab", least=3)
    assert line("", least=0) == ""
    with pytest.raises(Invalid, match="70,000 bytes; 65,536 is the most"):
        body("x" * 70_000)
    with pytest.raises(Invalid, match="The text is missing"):
        body(" ", required=True)


def test_what_is_no_text_is_refused() -> None:
    for value in (1, ["a"], {"a": 1}, True, b"a"):
        with pytest.raises(Invalid) as refused:
            line(value)
        assert refused.value.field == "title"
