// The style sheet follows the radio button at once; here the choice is kept, by the form a page without scripts sends.
document.addEventListener("change", ({ target }) => {
  const form = target.closest?.("[data-theme-form]");
  if (!form) return;
  fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)), redirect: "manual", keepalive: true })
    .catch(() => {}); // the page has the theme anyway; the next choice is kept again
});
