"""Deliveries of an inbox with several threads: each receiver is a lane of its own, with one request at a time.

All of the database is done here, in the thread of the job; the threads of the pool only send. A receiver that takes
long is let go of: what waits for it is put off, so that the events behind it reach everybody else at once. What was
put off was not tried, and counts as no attempt.
"""

import logging
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

from flask import Flask, current_app

from app import clock, processes
from app.db import begin_write, db
from app.inboxes.base import Inbox, Target
from app.inboxes.claiming import Claim, LostLease
from app.inboxes.due import something_due
from app.inboxes.lane_work import Result, Work, decide, finish, hold_on, prepare, put_off, reach, start, write
from app.inboxes.outside import RENEW_AFTER, Load
from app.inboxes.setting import switched_off

log = logging.getLogger(__name__)

MOST_OPEN = 64
"""Deliveries in hand at one moment."""
AT_ONCE = 16
"""Deliveries that are claimed and planned at one moment: what is under way waits meanwhile."""
TICK = 0.1
"""Seconds after which is looked again for what is due, while requests are under way."""
SLOW = 0.5
"""A request that lasts longer than this no longer has anything waiting behind it."""
LET_GO = timedelta(seconds=5)
"""How long what waited behind a slow request is put off."""
SECONDS = 5.0
"""A run takes nothing new after this long, so that other queues of the worker get their turn."""

Act = tuple[Callable[[], None], Callable[[Exception], None]]
"""Something to be written down, and what is done when that fails."""
Take = Callable[[int], Sequence[Claim]]
Fail = Callable[[Claim, Exception], None]


@dataclass
class Request:
    """One target under way."""

    work: Work
    target: Target
    began: float


@dataclass
class Lanes:
    """One run. `take` claims up to so many deliveries, `fail` marks one that could not be planned."""

    queue: str
    inboxes: Sequence[str]
    take: Take
    fail: Fail
    load: Load
    threads: int
    open: dict[int, Work] = field(default_factory=dict)
    waiting: dict[str, deque[tuple[Work, Target]]] = field(default_factory=dict)
    under_way: dict[Future[Result], Request] = field(default_factory=dict)
    taken: int = 0
    looked_at: float = 0.0
    end: float = field(default_factory=lambda: clock.monotonic() + SECONDS)

    def run(self) -> int:
        """Deliver until nothing is due or the time is up; returns how many deliveries were claimed."""
        app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001
        with ThreadPoolExecutor(self.threads, thread_name_prefix="lane") as pool:
            done: set[Future[Result]] = set()
            while self._take_more() or self.waiting or self.under_way:
                self._turn(pool, app, [(self.under_way.pop(one), one.result()) for one in done])
                done, _ = wait(self.under_way, timeout=TICK, return_when=FIRST_COMPLETED)
                self._hold_on()
        return self.taken

    def _turn(self, pool: ThreadPoolExecutor, app: Flask, done: Sequence[tuple[Request, Result]]) -> None:
        """Mark what came back, let go of who is slow, and begin what can begin: written down in one transaction."""
        acts = self._settle(done) + self._let_go_of_slow()
        chosen = self._choose()
        acts += [self._act(work, partial(start, work, target)) for work, target in chosen]
        self._do(acts)
        for work, target in chosen:
            if work.claim.id in self.open:
                request = Request(work, target, clock.monotonic())
                self.under_way[pool.submit(_send, app, work.kind, target)] = request

    def _take_more(self) -> bool:
        """Claim and plan what is due, when there is room; whether anything was found."""
        now = clock.monotonic()
        room = MOST_OPEN - len(self.open)
        if now > self.end or processes.is_asked_to_stop():
            self._do(self._put_off_waiting(set(self.waiting), timedelta()))
            return False
        if room < MOST_OPEN // 2 or (self.looked_at and now - self.looked_at < TICK):
            return False
        self.looked_at = now
        due = something_due(self.queue, self.inboxes)
        db.session.commit()
        claims = self.take(min(room, AT_ONCE)) if due else []
        self.taken += len(claims)
        if claims:
            self.looked_at = 0.0
            self._plan(claims)
        return bool(claims)

    def _plan(self, claims: Sequence[Claim]) -> None:
        """Decide about all of them and prepare them together."""
        happenings, off = self.load([claim.event_id for claim in claims]), switched_off()
        decided = []
        for claim in claims:
            try:
                decided.append(decide(claim, happenings[claim.event_id], off))
            except Exception as error:  # noqa: BLE001 - the edge: what an inbox raises is kept with its delivery
                db.session.rollback()
                self.fail(claim, error)
        db.session.commit()
        for work, _targets in decided:
            self.open[work.claim.id] = work
        self._do([self._act(work, partial(prepare, work, targets)) for work, targets in decided])
        ours = [work for work, _targets in decided if work.claim.id in self.open]
        for work in ours:
            for target in work.todo:
                self.waiting.setdefault(_lane(work.kind, target), deque()).append((work, target))
        self._do(self._close(ours))

    def _choose(self) -> list[tuple[Work, Target]]:
        """A target of every lane that is free, the healthy ones first, as many as there are threads."""
        busy = {_lane(one.work.kind, one.target) for one in self.under_way.values()}
        sick = sum(one.target.sick for one in self.under_way.values())
        chosen: list[tuple[Work, Target]] = []
        free = [lane for lane in self.waiting if lane not in busy]
        for lane in sorted(free, key=lambda lane: self.waiting[lane][0][1].sick):
            work, target = self.waiting[lane][0]
            full = len(self.under_way) + len(chosen) >= self.threads
            if full or (target.sick and sick >= self.threads // 2):
                break
            self.waiting[lane].popleft()
            if not self.waiting[lane]:
                del self.waiting[lane]
            sick += target.sick
            chosen.append((work, target))
        return chosen

    def _let_go_of_slow(self) -> list[Act]:
        limit = clock.monotonic() - SLOW
        slow = {_lane(one.work.kind, one.target) for one in self.under_way.values() if one.began < limit}
        return self._put_off_waiting(slow, LET_GO)

    def _put_off_waiting(self, lanes: set[str], pause: timedelta) -> list[Act]:
        until = clock.now() + pause
        held_up = [one for lane in lanes & self.waiting.keys() for one in self.waiting.pop(lane)]
        for work, target in held_up:
            work.todo.remove(target)
            put_off(work, target, until)
        return self._close([work for work, _target in held_up])

    def _settle(self, done: Sequence[tuple[Request, Result]]) -> list[Act]:
        """What is to be written about what came back."""
        ours = [(one, result) for one, result in done if one.work.claim.id in self.open]
        acts = []
        for one, result in ours:
            one.work.todo.remove(one.target)
            before = one.work.standings[one.target.name]
            acts.append(self._act(one.work, partial(write, one.work, one.target, result, before)))
        acts += self._close([one.work for one, _result in ours])
        # who wants nothing more, or nothing for a while: what waits for it was planned before that was known
        enough = {
            _lane(one.work.kind, one.target) for one, result in ours if result.state == "held" or result.after
        }
        return acts + self._put_off_waiting(enough, timedelta())

    def _close(self, works: Sequence[Work]) -> list[Act]:
        """Of these, the deliveries of which nothing is to do any more are to be marked."""
        over = [work for work in dict.fromkeys(works) if not work.todo and work.claim.id in self.open]
        for work in over:
            del self.open[work.claim.id]
        return [self._act(work, partial(finish, work)) for work in over]

    def _act(self, work: Work, write_down: Callable[[], None]) -> Act:
        return write_down, partial(self._drop, work)

    def _do(self, acts: Sequence[Act]) -> None:
        """Write all of it in one transaction; when one fails, each in its own, so that the others are not held up."""
        if not acts:
            return
        try:
            begin_write()
            for write_down, _give_up in acts:
                write_down()
            db.session.commit()
        except Exception as error:  # noqa: BLE001 - the edge, as above
            db.session.rollback()
            if len(acts) == 1:
                acts[0][1](error)
            else:
                for one in acts:
                    self._do([one])

    def _hold_on(self) -> None:
        """Renew the leases that grow old. What was lost meanwhile is somebody else's: it is let go."""
        limit = clock.monotonic() - RENEW_AFTER
        for work in [one for one in self.open.values() if one.renewed_at < limit]:
            try:
                begin_write()
                hold_on(work)
                db.session.commit()
            except LostLease as error:
                db.session.rollback()
                self._drop(work, error)

    def _drop(self, work: Work, error: Exception) -> None:
        """Let go of a delivery that is not ours any more, or that cannot be marked."""
        self.open.pop(work.claim.id, None)
        for lane, held_up in list(self.waiting.items()):
            left = deque(one for one in held_up if one[0] is not work)
            if left:
                self.waiting[lane] = left
            else:
                del self.waiting[lane]
        self.fail(work.claim, error)


def _lane(kind: type[Inbox], target: Target) -> str:
    return f"{kind.name}:{target.name}"


def _send(app: Flask, kind: type[Inbox], target: Target) -> Result:
    with app.app_context():
        return reach(kind, target)
