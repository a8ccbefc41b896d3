// The stream of signals: one per visible tab, reopened by ourselves, and a slow poll where streams do not get through.
import { check, checkWithin, learn } from "./heads.js";
import { say } from "./pill.js";
import { renewed } from "./renew.js";

let token = document.querySelector('meta[name="live-token"]')?.content;
const query = () => `token=${encodeURIComponent(token)}`;
const SILENCE = 40_000, HIDDEN = 10_000, POLL = 10_000, FIRST = 500, LONGEST = 15_000;
let stream = null, beat = 0, wait = FIRST, failed = 0, retry = 0, hiding = 0;

const close = () => {
  clearTimeout(retry);
  stream = stream?.close() ?? null;
};

function listen(name, act) {
  stream.addEventListener(name, ({ data }) => {
    beat = Date.now();
    [wait, failed] = [FIRST, 0];
    say.live();
    if (data) act(JSON.parse(data));
  });
}

function open() {
  if (stream || document.hidden || !token) return;
  clearTimeout(retry);
  stream = new EventSource(`/live?${query()}`);
  beat = Date.now();
  listen("heads", takeAll);
  listen("live", ({ t, n, w = 0 }) => { learn(t, n); checkWithin(w); });
  listen("hb", () => {});
  stream.onerror = () => {
    close();
    failed += 1;
    const pause = failed < 3 ? wait * (0.5 + Math.random()) : POLL;
    wait = Math.min(wait * 1.5, LONGEST);
    say.lost(pause);
    if (failed >= 3) poll();
    retry = setTimeout(open, pause);
  };
}

const takeAll = (all) => { Object.entries(all).forEach(([topic, n]) => learn(topic, n)); check(); };
const poll = () => fetch(`/live/heads?${query()}`)
  .then((answer) => (answer.status === 401 ? again() : answer.ok && answer.json().then(takeAll)))
  .catch(() => {}); // the next one may get through

async function again() {
  token = await renewed();
  [wait, failed] = [FIRST, 0];
  if (token) return reopen();
  close();
  say.over();
}

const reopen = () => { close(); open(); };
if (token) {
  document.addEventListener("visibilitychange", () => {
    clearTimeout(hiding);
    if (document.hidden) hiding = setTimeout(close, HIDDEN);
    else { open(); check(); }
  });
  addEventListener("pagehide", close);
  addEventListener("pageshow", ({ persisted }) => persisted && reopen());
  addEventListener("online", reopen);
  setInterval(() => stream && Date.now() - beat > SILENCE && reopen(), 5000);
  open();
}
