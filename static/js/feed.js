// New rows: in view they are washed with colour; elsewhere a pill says how many. Nobody's focus moves.
import { announce } from "./announce.js";

const ROWS = ".feed > .event:not(.pending)";
const seen = new WeakSet(document.querySelectorAll(ROWS));

function isInView(row) {
  const { top, bottom } = row.getBoundingClientRect();
  return bottom > 0 && top < innerHeight - 16;
}

function pill(feed, rows) {
  const link = document.querySelector(`[data-fresh="${CSS.escape(feed.id)}"]`);
  if (!link) return;
  const count = (link.hidden ? 0 : +link.dataset.count) + rows.length;
  if (link.hidden) link.href = `#${rows[0].id}`;
  link.dataset.count = count;
  link.firstElementChild.textContent = `${count} new update${count === 1 ? "" : "s"}`;
  link.hidden = false;
}

function arrived(rows) {
  const hidden = new Map();
  for (const row of rows) {
    const feed = row.parentElement;
    if (isInView(row)) row.classList.add("landed");
    else hidden.set(feed, [...(hidden.get(feed) ?? []), row]);
    if (row.dataset.say) announce(row.dataset.say);
  }
  for (const [feed, away] of hidden) pill(feed, away);
  document.dispatchEvent(new CustomEvent("tidings:arrived", { detail: { rows } }));
}

// htmx forgets which element asked once the answer has taken its place: it is noted before.
document.addEventListener("htmx:before:swap", ({ detail: { ctx } }) => {
  ctx.fromLive = ctx.sourceElement.matches("[data-live-topic]");
});
document.addEventListener("htmx:after:swap", ({ detail }) => {
  const rows = [...document.querySelectorAll(ROWS)].filter((row) => !seen.has(row));
  for (const row of rows) seen.add(row);
  if (rows.length && detail.ctx.fromLive) arrived(rows);
});

document.addEventListener("click", ({ target }) => {
  const link = target.closest?.("[data-fresh]");
  if (link) link.hidden = true;
});
document.addEventListener("scroll", () => {
  for (const link of document.querySelectorAll("[data-fresh]:not([hidden])")) {
    const row = document.querySelector(link.hash);
    if (row && isInView(row)) link.hidden = true;
  }
}, { passive: true });
