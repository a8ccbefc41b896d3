// "Seen": told once the page has been in view for two seconds, and again when something new was seen.
import { token } from "./csrf.js";

const LOOKS = 2000;
let timer = 0;
let due = true;

function tell() {
  due = false;
  for (const el of document.querySelectorAll("[data-visit-url]")) {
    fetch(el.dataset.visitUrl, { method: "POST", headers: { "X-CSRFToken": token() }, keepalive: true })
      .catch(() => {}); // the next look tells it
  }
}

function look() {
  clearTimeout(timer);
  if (due && !document.hidden) timer = setTimeout(tell, LOOKS);
}

document.addEventListener("visibilitychange", look);
document.addEventListener("tidings:arrived", () => {
  due = true;
  look();
});
look();
