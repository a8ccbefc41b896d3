// The stream of signals: one per visible tab, reopened by ourselves, and a slow poll where streams do not get through.
import { ask } from "./ask.js";
import { check, checkWithin, learn } from "./heads.js";
import { patience } from "./patience.js";
import { say } from "./pill.js";

let token = document.querySelector('meta[name="live-token"]')?.content;
const SILENCE = 40_000, HIDDEN = 10_000;
let stream = null, beat = 0, retry = 0, hiding = 0;

const close = () => { clearTimeout(retry); stream = stream?.close() ?? null; };
const reopen = () => { close(); open(); };

function listen(name, act) {
  stream.addEventListener(name, ({ data }) => {
    beat = Date.now();
    patience.restore();
    say.live();
    if (data) act(JSON.parse(data));
  });
}

function open() {
  if (stream || document.hidden || !token) return;
  clearTimeout(retry);
  stream = new EventSource(`/live?token=${encodeURIComponent(token)}`);
  beat = Date.now();
  listen("heads", takeAll);
  listen("live", ({ t, n, w = 0 }) => { learn(t, n); checkWithin(w); });
  listen("hb", () => {});
  stream.onerror = () => {
    close();
    const pause = patience.lose();
    say.lost(pause);
    if (patience.isLost) poll();
    retry = setTimeout(open, pause);
  };
}

const takeAll = (all) => { Object.entries(all).forEach(([topic, n]) => learn(topic, n)); check(); };
async function poll() {
  const next = await ask(token, takeAll).catch(() => token); // the next one may get through
  if (next === token) return;
  token = next;
  if (token) reopen();
  else { close(); say.over(); }
}

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
