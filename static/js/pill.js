// Says how live the page is: Live, Reconnecting, and after half a minute in words; Not live when it cannot be again.
const PATIENCE = 30_000;
let lostAt = 0, next = 0, ticking = 0;

const pills = () => document.querySelectorAll("[data-live-pill]");
const note = () => document.getElementById("live-paused");

function show(text, lost) {
  for (const pill of pills()) {
    if (pill.textContent !== text) pill.textContent = text;
    pill.classList.toggle("off", lost);
    pill.hidden = false;
  }
}

function tick() {
  const line = note();
  if (!line || !lostAt || Date.now() - lostAt < PATIENCE) return;
  const seconds = Math.max(Math.ceil((next - Date.now()) / 1000), 0);
  line.lastElementChild.textContent = seconds
    ? `Live updates paused. Trying again in ${seconds} s.`
    : "Live updates paused. Trying again now.";
  line.hidden = false;
}

export const say = {
  live() {
    clearInterval(ticking);
    lostAt = ticking = 0;
    show("Live", false);
    if (note()) note().hidden = true;
  },
  lost(pause) {
    lostAt ||= Date.now();
    next = Date.now() + pause;
    show("Reconnecting", true);
    ticking ||= setInterval(tick, 1000);
  },
  over() {
    clearInterval(ticking);
    show("Not live", true);
    const line = note();
    if (!line) return;
    line.lastElementChild.textContent = "This page has moved on. Please reload it.";
    line.hidden = false;
  },
};
