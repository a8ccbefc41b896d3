"""The plain answer to "where are my topics?", for `flask run` and for proxies that do not let streams
through."""

from flask import Blueprint, Response, jsonify, request

from app.live import topics

blueprint = Blueprint("live", __name__, url_prefix="/live")


@blueprint.get("/heads")
def heads() -> tuple[Response, int] | Response:
    """The latest number of each topic of the token; 401 when the token does not hold (any more)."""
    try:
        token = topics.read(request.args.get("token", ""))
        if not topics.is_current(token, topics.epochs([token.user_id] if token.user_id is not None else [])):
            raise topics.BadToken
    except topics.BadToken:
        return jsonify(error={"code": "bad_token", "message": "Please reload the page."}), 401
    answer = jsonify(topics.heads(token.topics))
    answer.headers["Cache-Control"] = "no-store"
    return answer
