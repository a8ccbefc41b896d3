// A switch in a form of its own acts when it is pressed; without scripts a button beside it sends the form.
document.addEventListener("change", ({ target }) => {
  if (target.matches?.(".switch")) target.form?.requestSubmit();
});
