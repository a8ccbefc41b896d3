"""Where to go next: only ever to a page of our own."""

import re
from urllib.parse import urlsplit

from flask import redirect
from werkzeug.wrappers import Response

_UNSAFE = re.compile(r"[\x00-\x20\x7f-\xa0\\\u2028\u2029]")
_ENCODED_START = re.compile(r"^/(?:%2f|%5c|%09|%0a|%0d)", re.IGNORECASE)
LONGEST = 2_000


def own_path(target: str | None, default: str = "/") -> str:
    """`target` if it is a path on this site, else `default`. What a browser reads as a host is no path."""
    if not target or len(target) > LONGEST or not target.startswith("/") or target.startswith("//"):
        return default
    if _UNSAFE.search(target) or _ENCODED_START.match(target):
        return default
    try:
        parts = urlsplit(target)
    except ValueError:
        return default
    if parts.scheme or parts.netloc:
        return default
    return target


def see_other(path: str) -> Response:
    """After a POST: 303 to a page of ours."""
    return redirect(own_path(path), 303)
