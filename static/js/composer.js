// The comment box: Ctrl+Enter sends, the draft survives a reload, and what was sent stands greyed until it arrives.
const key = (form) => `draft:${form.dataset.composer}`;
const forms = () => document.querySelectorAll("form[data-composer]");

for (const form of forms()) form.body.value ||= sessionStorage.getItem(key(form)) ?? "";

document.addEventListener("input", ({ target }) => {
  const form = target.form;
  if (!form?.dataset.composer || target.name !== "body") return;
  if (target.value) sessionStorage.setItem(key(form), target.value);
  else sessionStorage.removeItem(key(form));
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
  const form = event.target.closest?.("form");
  if (!form) return;
  event.preventDefault();
  const [send] = [...form.querySelectorAll("button:not([type=button])")].slice(-1);
  form.requestSubmit(send?.value ? null : send);
});

const ours = (detail) => detail.ctx.sourceElement.closest?.("form[data-composer]");
const waiting = (form) => document.querySelector(`#${CSS.escape(form.dataset.feed)} > .pending`);

document.addEventListener("htmx:before:request", ({ detail }) => {
  const form = ours(detail);
  if (!form) return;
  const row = form.querySelector("[data-pending]").content.firstElementChild.cloneNode(true);
  row.querySelector(".prose").textContent = form.body.value;
  waiting(form)?.remove();
  document.getElementById(form.dataset.feed)?.append(row);
  detail.ctx.request.submitter?.setAttribute("aria-busy", "true");
});

document.addEventListener("htmx:finally:request", ({ detail }) => {
  const form = ours(detail);
  if (!form) return;
  detail.ctx.request.submitter?.removeAttribute("aria-busy");
  if (!detail.ctx.response || detail.ctx.response.status >= 400) return waiting(form)?.remove();
  form.body.value = "";
  sessionStorage.removeItem(key(form));
  form.querySelector(".errors").replaceChildren();
  setTimeout(() => waiting(form)?.remove(), 3000); // the row itself arrives live, sooner
});

document.addEventListener("tidings:arrived", () => {
  for (const form of forms()) waiting(form)?.remove();
});
