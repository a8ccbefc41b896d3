"""The forms of an issue. They only carry what was typed; the rules are the domain's, refusals stand at their field."""

from wtforms import StringField, TextAreaField

from app.web.forms import Form


class IssueForm(Form):
    """Title and description, for a new issue and for changing one."""

    title = StringField("Title")
    description = TextAreaField("Description")


class CommentForm(Form):
    """A comment that is rewritten."""

    body = TextAreaField("Comment")
