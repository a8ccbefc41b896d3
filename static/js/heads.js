// Level-triggered: the server only says "topic T is at N". Every element that carries data-live-topic and a smaller
// data-live-seq gets the event `live`, and htmx fetches. One that stays behind is asked again after 2, 4 and 8 seconds.
const heads = new Map();
const asked = new WeakMap();
const FIELD = "input, textarea, select";
let spread = 0;

const isBehind = (el) => (heads.get(el.dataset.liveTopic) ?? 0) > Number(el.dataset.liveSeq);
const isBeingFilledIn = (el) => document.activeElement?.matches(FIELD) && el.contains(document.activeElement);

export function learn(topic, number) {
  if (!(heads.get(topic) >= number)) heads.set(topic, number);
}

export function check() {
  clearTimeout(spread);
  spread = 0;
  if (document.hidden) return;
  for (const el of document.querySelectorAll("[data-live-topic]")) if (isBehind(el)) ask(el);
}

export function checkWithin(milliseconds) {
  spread ||= setTimeout(check, Math.random() * milliseconds);
}

function ask(el) {
  const seq = el.dataset.liveSeq;
  const past = asked.get(el);
  const tries = past?.seq === seq ? past.tries : 0;
  if (tries && Date.now() < past.again) return;
  if (isBeingFilledIn(el)) return void setTimeout(check, 2000);
  const pause = 2000 * 2 ** Math.min(tries, 2);
  asked.set(el, { seq, tries: tries + 1, again: Date.now() + pause });
  setTimeout(check, pause + 50);
  el.dispatchEvent(new CustomEvent("live"));
}

// What may not be seen any more is not asked for again.
document.addEventListener("htmx:response:error", ({ detail: { ctx } }) => {
  if (!ctx.sourceElement.matches("[data-live-topic]")) return;
  if (![401, 403, 404].includes(ctx.response.status)) return;
  delete ctx.sourceElement.dataset.liveTopic;
  document.dispatchEvent(new CustomEvent("toast", { detail: { text: "This page has moved on. Please reload it." } }));
});
document.addEventListener("htmx:after:swap", check);
