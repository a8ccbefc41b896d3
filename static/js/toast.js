// One line, one undo, eight seconds; it waits while somebody points at it or is in it.
import { token } from "./csrf.js";

const STAYS = 8000;
const place = document.getElementById("toasts");

function watch(toast) {
  let left = setTimeout(() => toast.remove(), STAYS);
  const hold = () => clearTimeout(left);
  const release = () => { hold(); left = setTimeout(() => toast.remove(), STAYS); };
  for (const name of ["pointerenter", "focusin"]) toast.addEventListener(name, hold);
  for (const name of ["pointerleave", "focusout"]) toast.addEventListener(name, release);
}

export function show({ text, undo_path: path, undo_fields: fields = {} }) {
  const toast = document.getElementById("toast").content.firstElementChild.cloneNode(true);
  const [said, form] = toast.children;
  said.textContent = text;
  if (path) {
    form.action = path;
    form.hidden = false;
    for (const [name, value] of Object.entries({ ...fields, csrf_token: token() })) {
      form.append(Object.assign(document.createElement("input"), { type: "hidden", name, value }));
    }
  } else form.remove();
  while (place.children.length > 2) place.firstElementChild.remove();
  place.append(toast);
  watch(toast);
}

for (const toast of place?.querySelectorAll("[data-toast]") ?? []) watch(toast);
document.addEventListener("toast", ({ detail }) => show(detail));
