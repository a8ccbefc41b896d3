"""After signing in one goes to a page of ours, never elsewhere."""

import pytest
from flask import Flask

from app.web.redirects import own_path, see_other

BAD = [
    None,
    "",
    "issues",
    "https://evil.example",
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\/evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "\t//evil.example",
    " /issues",
    "javascript:alert(1)",
    "/%2fevil.example",
    "/%5Cevil.example",
    "/%09/evil.example",
    "/\u2028/evil.example",
    "/\x00/evil.example",
    "/x" * 2_000,
    "http:/evil.example",
    "@evil.example",
]
GOOD = [
    "/",
    "/issues/ORC-142",
    "/issues/ORC-142?show=all#event-5",
    "/search?q=%2f%2fx",
    "/issues?q=label:%22a%22",
    "/a//b",
]


@pytest.mark.parametrize("target", BAD)
def test_what_may_lead_elsewhere_is_not_followed(target: str | None) -> None:
    assert own_path(target) == "/"


@pytest.mark.parametrize("target", GOOD)
def test_a_path_of_ours_is_followed_as_it_is(target: str) -> None:
    assert own_path(target) == target


def test_a_redirect_after_a_post_is_303_to_our_own_host(web: Flask) -> None:
    with web.test_request_context():
        answer = see_other("//evil.example")
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/"
