// Single keys press what the page offers: the visible control that carries data-key="r", "Shift+R", "g h", "/" or ".".
const FIELD = "input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]";
const off = () => document.documentElement.dataset.keys === "off";
let before = "";

function press(key) {
  const named = document.querySelectorAll(`[data-key="${CSS.escape(key)}"]`);
  const control = [...named].find((el) => el.checkVisibility() && !el.disabled);
  if (!control) return false;
  if (control.matches(FIELD) || control.tabIndex < 0) {
    control.focus();
    control.scrollIntoView({ block: "nearest" });
  } else control.click();
  return true;
}

document.addEventListener("keydown", (event) => {
  if (event.target.closest?.(FIELD)) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  if (off() || event.ctrlKey || event.metaKey || event.altKey || event.key.length !== 1) return;
  const letter = /^\p{L}$/u.test(event.key);
  const key = letter && event.shiftKey ? `Shift+${event.key.toUpperCase()}` : event.key.toLowerCase();
  const done = before === "g" ? press(`g ${key}`) : key !== "g" && press(key);
  before = key === "g" && before !== "g" ? "g" : "";
  if (before) setTimeout(() => { before = ""; }, 1500);
  if (done) event.preventDefault();
});
