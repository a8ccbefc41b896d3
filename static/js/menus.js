// A menu is a <details>: it opens without scripts. With them it has the focus while open, and closes by itself.
const opened = () => document.querySelectorAll("details.menu[open]");

document.addEventListener("toggle", ({ target }) => {
  if (!target.matches?.("details.menu") || !target.open) return;
  for (const other of opened()) if (other !== target) other.open = false;
  target.querySelector("li :is(a, button, input)")?.focus();
}, true);

document.addEventListener("click", ({ target }) => {
  for (const menu of opened()) if (!menu.contains(target)) menu.open = false;
});

document.addEventListener("focusout", ({ target, relatedTarget }) => {
  const menu = target.closest?.("details.menu");
  if (menu && relatedTarget && !menu.contains(relatedTarget)) menu.open = false;
});

document.addEventListener("keydown", (event) => {
  const menu = event.key === "Escape" && event.target.closest?.("details.menu[open]");
  if (menu) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});
