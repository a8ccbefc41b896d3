// Rows: J and K walk through them, Enter opens one, X ticks one, Shift+X all up to it.
import { rows, tick } from "./ticks.js";

const FIELD = "input:not([type=checkbox], [type=radio]), textarea, select";
const handle = (row) => row.querySelector(":scope > .hit, :scope > .line > .hit-row") ?? row;

function walk(step) {
  const all = rows();
  const here = document.activeElement?.closest("[data-row]");
  const next = all[here ? all.indexOf(here) + step : 0];
  if (next) {
    handle(next).focus();
    next.scrollIntoView({ block: "nearest" });
  }
}

// A row of a feed is no link itself: it opens what it is about, else its own place.
function openRow(row) {
  (row.querySelector('.line a[href^="/issues/"], article header a[href^="/issues/"]') ?? row.querySelector("a.when"))?.click();
}

document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && event.target.matches?.("[data-row]")) return openRow(event.target);
  if (event.target.closest?.(FIELD) || event.ctrlKey || event.metaKey || event.altKey) return;
  if (document.documentElement.dataset.keys === "off") return;
  const act = { j: () => walk(1), k: () => walk(-1), x: () => tick(false), X: () => tick(true) }[event.key];
  if (act && rows().length) {
    event.preventDefault();
    act();
  }
});
