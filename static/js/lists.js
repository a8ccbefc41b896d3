// Rows: J and K walk through them, Enter opens one, X ticks one, Shift+X all up to it, and the bulk bar counts.
const FIELD = "input:not([type=checkbox], [type=radio]), textarea, select";
const rows = () => [...document.querySelectorAll("[data-row]")].filter((el) => el.checkVisibility());
const handle = (row) => row.querySelector(":scope > .hit, :scope > .line > .hit-row") ?? row;
let last = null;

function walk(step) {
  const all = rows();
  const here = document.activeElement?.closest("[data-row]");
  const next = all[here ? all.indexOf(here) + step : 0];
  if (next) {
    handle(next).focus();
    next.scrollIntoView({ block: "nearest" });
  }
}

function tick(range) {
  const row = document.activeElement?.closest("[data-row]");
  const box = row?.querySelector(".tick");
  if (!box) return;
  const all = rows();
  const [from, to] = [all.indexOf(range && last?.isConnected ? last : row), all.indexOf(row)].sort((a, b) => a - b);
  const on = range || !box.checked;
  for (const one of all.slice(from, to + 1)) one.querySelector(".tick").checked = on;
  last = row;
  box.dispatchEvent(new Event("change", { bubbles: true }));
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

// Shift and a click ticks all from the last one; "Select all shown" needs no new page.
document.addEventListener("click", (event) => {
  const box = event.target.closest?.(".tick");
  if (box) {
    const all = rows();
    const [from, to] = [last, box.closest("[data-row]")].map((row) => all.indexOf(row)).sort((a, b) => a - b);
    if (event.shiftKey && from >= 0) for (const one of all.slice(from, to + 1)) one.querySelector(".tick").checked = box.checked;
    last = box.closest("[data-row]");
  }
  if (!event.target.closest?.("[data-select-all]")) return;
  const boxes = [...document.querySelectorAll(".tick")];
  const on = boxes.some((one) => !one.checked);
  for (const one of boxes) one.checked = on;
  boxes[0]?.dispatchEvent(new Event("change", { bubbles: true }));
  event.preventDefault();
});

const count = (form) => {
  const shown = form?.querySelector(".bulk b");
  if (shown) shown.textContent = form.querySelectorAll(".tick:checked").length;
};
for (const form of document.forms) count(form);

document.addEventListener("change", ({ target }) => target.matches?.(".tick") && count(target.form));
