"""What a form gets when its act is done."""

from werkzeug.wrappers import Response

from app.web.redirects import see_other
from app.web.render import wants_fragment


def done(path: str, *, reload: bool = False) -> Response:
    """Without JavaScript: 303 to `path`, where the act can be seen. To htmx: 204, and the live parts of
    the page fetch what is new; with `reload` the page is loaded anew, because what stood there has changed.
    """
    if not wants_fragment():
        return see_other(path)
    answer = Response(status=204)
    if reload:
        answer.headers["HX-Refresh"] = "true"
    else:
        answer.headers["HX-Trigger"] = "live"
    return answer
