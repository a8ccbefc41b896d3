"""Every page there is, as it stands: no finding of axe-core, no sideways scroll, no complaint, no other host."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser

from tests.support.browser import WIDTHS, accessibility_findings, scrolls_sideways
from tests.support.house import House, Person, found_project, house_in, say
from tests.support.visitor import Visitor

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("pages")]

LONG_WORD = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft" * 2
MARKDOWN = f"""A **list**:

* one [link](https://example.org/{"x" * 120})
* `{"code" * 60}`

| a | b | c | d | e | f | g | h |
|---|---|---|---|---|---|---|---|
| {"cell " * 6} | 2 | 3 | 4 | 5 | 6 | 7 | 8 |

```
{"a line of code that goes on and on " * 8}
```

> {LONG_WORD}
"""
WINDOWS = (1440, 390)
PUBLIC = {"/sign-in": 200, "/setup": 404, "/settings/appearance": 200, "/nothing/here": 404}
PAGES = {
    "/": 200,
    "/projects": 200,
    "/projects/new": 200,
    "/issues": 200,
    "/issues?q=assignee:@me": 200,
    "/projects/ORC/issues": 200,
    "/projects/ORC/issues?q=label:nothing+zebra": 200,
    "/projects/ORC/issues?q=status:wrong": 422,
    "/projects/NIX/issues": 200,
    "/projects/ORC/board": 200,
    "/projects/NIX/board": 200,
    "/projects/ORC/activity": 200,
    "/projects/NIX/activity": 200,
    "/projects/ORC/insights": 200,
    "/projects/NIX/insights": 200,
    "/projects/ORC/insights?from=2020-01-01&to=2020-03-01": 200,
    "/projects/ORC/insights?from=soon": 422,
    "/projects/ORC/issues/new": 200,
    "/projects/ORC/settings": 200,
    "/projects/ORC/settings/members": 200,
    "/projects/ORC/settings/labels": 200,
    "/projects/ORC/settings/milestones": 200,
    "/projects/NIX/settings/milestones": 200,
    "/projects/ORC/settings/milestones/1": 200,
    "/projects/ORC/issues?q=milestone:%22Spring%22+status:any": 200,
    "/projects/ORC/issues/new?parent=ORC-1": 200,
    "/projects/ORC/settings/slack": 200,
    "/projects/ORC/settings/sync": 200,
    "/projects/ORC/settings/automation": 200,
    "/projects/NIX/settings/automation": 200,
    "/projects/ORC/settings/automation/new": 200,
    "/projects/ORC/settings/automation/new?start=remind": 200,
    "/projects/ORC/settings/automation/1": 200,
    "/projects/ORC/settings/automation/1/edit": 200,
    "/projects/ORC/settings/webhooks": 200,
    "/projects/ORC/settings/webhooks/new": 200,
    "/projects/ORC/settings/webhooks/1": 200,
    "/projects/ORC/settings/webhooks/1/edit": 200,
    "/issues/ORC-1": 200,
    "/issues/ORC-2": 200,
    "/issues/ORC-2?show=comments": 200,
    "/issues/ORC-2/feed?before=9": 200,
    "/issues/ORC-2/feed?after=3": 200,
    "/issues/ORC-1/edit": 200,
    "/issues/ORC-1/properties": 200,
    "/people/otis": 200,
    "/people/bram/activity": 200,
    "/inbox": 200,
    "/inbox?tab=all": 200,
    "/inbox?tab=done": 200,
    "/settings": 200,
    "/settings/profile": 200,
    "/settings/notifications": 200,
    "/settings/password": 200,
    "/settings/sessions": 200,
    "/settings/tokens": 200,
    "/admin/inboxes": 200,
    "/admin/deliveries": 200,
    "/admin/rules": 200,
    "/admin/deliveries?state=skipped&project=GONE": 422,
    "/admin/replays?inbox=live_updates&since=2020-01-01T00:00&imported=1": 200,
    "/admin/replays?inbox=email_notifications&since=soon": 422,
    "/admin/events": 200,
    "/admin/events?family=security&causes=1": 200,
    "/admin/events?actor=nobody": 422,
    "/admin/system": 200,
    "/admin/jobs": 200,
    "/people/ada/activity?show=viewed": 200,
    "/admin/people": 200,
    "/admin/people/otis": 200,
    "/admin/mail": 200,
    "/admin/slack": 200,
    "/admin/sync": 200,
    "/admin/webhooks": 200,
    "/admin/audit": 200,
    "/admin/audit/1": 200,
    "/admin/audit?q=zebra": 200,
    "/admin/audit?from=yesterday": 422,
    "/admin/integrity": 200,
    "/api/docs": 200,
    "/issues/ORC-99": 404,
    "/projects/GONE/issues": 404,
    "/issues/ORC-1/feed": 422,
}


@dataclass
class Filled:
    """A house with a little of everything."""

    house: House
    ada: Person
    mail: int
    event: str
    delivery: int


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    with house_in(tmp_path_factory.mktemp("pages") / "instance", {"ALLOWED_OUTGOING": "127.0.0.1"}) as house:
        ada, otis, bram = house.person("ada", admin=True), house.person("otis"), house.person("bram")
        found_project(house, ada, [otis])
        house.ok(ada, "POST", "/projects", {"key": "NIX", "name": f"Empty {LONG_WORD}"[:80]})
        for name, color in (("bug", "rose"), ("a-very-long-label-for-a-narrow-phone", "sky")):
            house.ok(ada, "POST", "/projects/ORC/labels", {"name": name, "color": color})
        house.ok(ada, "POST", "/projects/ORC/issues", {"title": "Short", "description": ""})
        long = {"title": f"Long {LONG_WORD}"[:200], "description": MARKDOWN, "priority": "urgent"}
        house.ok(ada, "POST", "/projects/ORC/issues", long)
        for number in range(60):
            say(house, (ada, otis)[number % 2], "ORC-2", f"{MARKDOWN}\n\n@otis {number}")
        for number in range(3, 9):
            house.ok(otis, "POST", "/projects/ORC/issues", {"title": f"Issue {number}", "priority": "low"})
        for number, steps in ((3, ["start"]), (4, ["resolve"]), (5, ["close"]), (6, ["close", "reopen"])):
            for step in steps:
                house.ok(ada, "POST", f"/issues/ORC-{number}/status", {"step": step, "reason": "because"})
        house.ok(ada, "PATCH", "/issues/ORC-2", {"labels": ["bug"], "assignees": ["otis", "ada"]})
        house.ok(ada, "PATCH", "/issues/ORC-2", {"title": "Renamed", "priority": "low", "labels": []})
        _plans(house, ada)
        assert bram
        _rules(house, ada)
        house.ok(ada, "POST", "/issues/ORC-3/status", {"step": "close", "reason": "rules answer it"})
        _all_sent(house)
        hook = {"url": f"http://127.0.0.1:9/{LONG_WORD}", "actions": ["archived", "status"]}
        house.ok(ada, "POST", "/projects/ORC/webhooks", {**hook, "url": hook["url"].replace("ä", "a")})
        ((mail,),) = house.rows("SELECT max(id) FROM outgoing_mails")
        event = house.ok(ada, "GET", "/issues/ORC-2/events?limit=5")["items"][2]["uid"]
        ((delivery,),) = house.rows("SELECT max(id) FROM deliveries WHERE inbox = 'email_notifications'")
        yield Filled(house, ada, mail, event, delivery)


def _plans(house: House, who: Person) -> None:
    """Milestones with a long name and a day long past, and sub-issues below each other."""
    for name, day in ((LONG_WORD[:80], "2020-02-29"), ("Spring", None)):
        house.ok(who, "POST", "/projects/ORC/milestones", {"name": name, "due_on": day})
    house.ok(who, "PATCH", "/issues/ORC-2", {"milestone": LONG_WORD[:80]})
    for number, parent in ((1, 2), (3, 2), (4, 3)):
        plan = {"parent": f"ORC-{parent}", "milestone": "spring"}
        house.ok(who, "PATCH", f"/issues/ORC-{number}", plan)


def _rules(house: House, who: Person) -> None:
    """Two that answer each other, one of them with long words."""
    steps = [{"do": "move", "value": "reopen"}, {"do": "comment", "text": f"{LONG_WORD} {{title}}"}]
    for name, action, done in ((LONG_WORD[:100], "closed", steps), ("Close", "reopened", [])):
        rule = {
            "name": name,
            "when": {"actions": [action]},
            "steps": done or [{"do": "move", "value": "close"}],
        }
        made = house.ok(who, "POST", "/projects/ORC/rules", rule)
        house.ok(who, "PATCH", f"/rules/{made['id']}", {"enabled": True})


def _all_sent(house: House) -> None:
    from tests.patience import until

    until(
        lambda: house.rows("SELECT count(*) FROM deliveries WHERE next_attempt_at IS NOT NULL") == [(0,)], 90
    )


def _paths(filled: Filled) -> dict[str, int]:
    return {
        **PAGES,
        f"/admin/mail/{filled.mail}": 200,
        f"/events/{filled.event}": 200,
        f"/admin/deliveries/{filled.delivery}": 200,
        f"/events/{'0' * 32}": 404,
    }


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_page_is_sound(
    filled: Filled, visitor: Callable[..., Visitor], browser: Browser, theme: str
) -> None:
    """One line for each page that is not; both themes, a wide and a narrow window.

    Where things stand and where links lead is the same in both themes, and looked at in the light one. In the dark one
    only colours are new: each page is looked at in one window, one after the other in the wide and in the narrow.
    """
    faults: list[str] = []
    first = theme == "light"
    for who, paths in ((None, PUBLIC), (filled.ada, _paths(filled))):
        one = visitor(filled.house, who, color_scheme=theme)
        for number, (path, status) in enumerate(paths.items()):
            windows = WINDOWS if first else WINDOWS[number % 2 :][:1]
            faults += _faults(one, path, status, windows, widths=WIDTHS if first else ())
        faults += [f"asked {url}" for url in one.foreign] + (_dead_links(one) if first else [])
    assert not faults, "\n".join(faults)


def _faults(
    one: Visitor, path: str, status: int, windows: Sequence[int], *, widths: Sequence[int]
) -> list[str]:
    page, found = one.page, []
    one.complaints.clear()
    for width in windows:
        page.set_viewport_size({"width": width, "height": 900})
        answered = one.go(path).status
        if answered != status:
            return [f"{path}: {answered}, not {status}"]
        found += [f"{path} at {width}: {finding}" for finding in accessibility_findings(page)]
    one.links.update(
        page.locator("a[href^='/']").evaluate_all("(links) => links.map((link) => link.getAttribute('href'))")
    )
    for width in widths:
        page.set_viewport_size({"width": width, "height": 900})
        if scrolls_sideways(page):
            found.append(f"{path} scrolls sideways at {width}")
    expected = f"the server responded with a status of {status}"
    found += [f"{path} says: {said}" for said in one.complaints if status < 400 or expected not in said]
    return found


def _dead_links(one: Visitor) -> list[str]:
    """Places of the product that its pages lead to, and that are not there."""
    found = []
    for link in sorted({link.split("#")[0] for link in one.links}):
        answer = one.page.request.get(link)
        if answer.status >= 400:
            found.append(f"{link} is linked to and answers {answer.status}")
    return found
