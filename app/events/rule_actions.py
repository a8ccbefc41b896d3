"""What happens to the rules of a project, and what the rules do to issues."""

from typing import ClassVar, Literal

from app.events.action import Action, Family, PersonRef, Ref, Subject, Text
from app.events.parts import Part, named, person, strong, text, this


class RuleRef(Ref):
    """A rule named in an event."""

    id: int
    name: Text


class _RuleAction(Action):
    subject: ClassVar[Subject] = Subject.project
    family: ClassVar[Family] = Family.rules
    icon: ClassVar[str] = "bolt"

    rule: RuleRef

    def part(self) -> Part:
        """The rule in a sentence."""
        return strong(self.rule.name)


class RuleCreated(_RuleAction):
    """A rule was made; it is off until somebody switches it on."""

    name: ClassVar[str] = "rule_created"

    version: int = 1

    def line(self, by: int | None) -> list[Part]:
        return [text("made the rule "), self.part()]


class RuleChanged(_RuleAction):
    """A rule was rewritten; the version before is kept. Whoever did it answers for it from then on."""

    name: ClassVar[str] = "rule_changed"

    version: int

    def line(self, by: int | None) -> list[Part]:
        return [text("changed the rule "), self.part()]


class RuleEnabled(_RuleAction):
    """A rule was switched on."""

    name: ClassVar[str] = "rule_enabled"

    version: int

    def line(self, by: int | None) -> list[Part]:
        return [text("switched on the rule "), self.part()]


class RuleDisabled(_RuleAction):
    """A rule was switched off by somebody, or paused because its author may not do any more what it does."""

    name: ClassVar[str] = "rule_disabled"

    reason: Text | None = None
    """Why it was paused; none when somebody switched it off."""

    def line(self, by: int | None) -> list[Part]:
        if self.reason is None:
            return [text("switched off the rule "), self.part()]
        return [text("paused the rule "), self.part(), text(": "), text(self.reason)]


class RuleDeleted(_RuleAction):
    """A rule was removed. What it did stays."""

    name: ClassVar[str] = "rule_deleted"

    def line(self, by: int | None) -> list[Part]:
        return [text("removed the rule "), self.part()]


class RuleDryRun(_RuleAction):
    """Somebody looked at what a rule would have done."""

    name: ClassVar[str] = "rule_dry_run"

    version: int
    days: int
    events: int
    would_act: int

    def line(self, by: int | None) -> list[Part]:
        times = "once" if self.would_act == 1 else f"{self.would_act:,} times"
        return [
            text("tried the rule "),
            self.part(),
            text(f" on {self.days} days: it would have acted {times}"),
        ]


class _RuleOnIssue(Action):
    subject: ClassVar[Subject] = Subject.issue
    family: ClassVar[Family] = Family.rules
    icon: ClassVar[str] = "bolt"
    small: ClassVar[bool] = False

    rule: RuleRef


class RuleApplied(_RuleOnIssue):
    """A rule acted on the issue: which event fitted, and what followed. The effects are events of their own."""

    name: ClassVar[str] = "rule_applied"
    shown: ClassVar[bool] = False

    version: int
    matched: str
    """The uid of the event that fitted."""
    did: tuple[str, ...] = ()
    """The kinds of step that had an effect."""
    told: tuple[PersonRef, ...] = ()
    changed: tuple[int, ...] = ()
    """The numbers of the events it made on this issue."""
    ms: int = 0

    def line(self, by: int | None) -> list[Part]:
        if self.told:
            return [
                text("told "),
                *named([person(one.name, one.username) for one in self.told]),
                this("about"),
            ]
        return [text("did "), text(", ".join(self.did) or "nothing"), this("on")]


class RuleStopped(_RuleOnIssue):
    """A rule fitted and was held back, so that it does no harm; `chain` is how it came to that."""

    name: ClassVar[str] = "rule_stopped"
    icon: ClassVar[str] = "warn"

    why: Literal["depth", "repeated", "rate", "error", "paused"]
    depth: int
    chain: tuple[RuleRef, ...] = ()
    reason: Text | None = None

    def line(self, by: int | None) -> list[Part]:
        parts = [text("held back the rule "), strong(self.rule.name), this("on"), text(f": {self.words()}")]
        if len(self.chain) > 1:
            parts += [text(" ("), text(" → ".join(rule.name for rule in self.chain)), text(")")]
        return parts

    def words(self) -> str:
        """Why, in words."""
        said = why_stopped(self.why, self.depth)
        return f"{said}. {self.reason}" if self.reason else said


class WebhookCalled(_RuleOnIssue):
    """A rule sent word of the issue to a webhook: it goes to this webhook and to no other."""

    name: ClassVar[str] = "webhook_called"
    icon: ClassVar[str] = "hook"
    small: ClassVar[bool] = True

    endpoint_id: int
    host: Text
    matched: str
    """The uid of the event that set the rule off, and its action."""
    matched_action: str

    def line(self, by: int | None) -> list[Part]:
        return [text("sent "), this(), text(" to the webhook "), strong(self.host)]


def why_stopped(why: str, depth: int) -> str:
    """Why a rule was held back, in words."""
    return {
        "depth": f"rules have answered rules {depth} times in a row",
        "repeated": "it has acted already because of the same act",
        "rate": "it acts too often",
        "error": "it failed",
        "paused": "it is paused",
    }[why]


RULE_ACTIONS: tuple[type[Action], ...] = (
    RuleCreated,
    RuleChanged,
    RuleEnabled,
    RuleDisabled,
    RuleDeleted,
    RuleDryRun,
    RuleApplied,
    RuleStopped,
    WebhookCalled,
)
