// Ticks in a list: one, all up to another, all that are shown; the bulk bar counts.
export const rows = () => [...document.querySelectorAll("[data-row]")].filter((el) => el.checkVisibility());
let last = null;

export function tick(range) {
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

// Shift and a click ticks all from the last one; "Select all shown" needs no new page.
document.addEventListener("click", (event) => {
  const box = event.target.closest?.(".tick");
  const row = box?.closest("[data-row]");
  if (row) {
    const all = rows();
    const [from, to] = [all.indexOf(last), all.indexOf(row)].sort((a, b) => a - b);
    if (event.shiftKey && from >= 0) for (const one of all.slice(from, to + 1)) one.querySelector(".tick").checked = box.checked;
    last = row;
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
