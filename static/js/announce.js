// One polite voice: at most one message in five seconds; what comes meanwhile is counted.
const PAUSE = 5000;
const voice = document.getElementById("announcer");
let waiting = [];
let quietUntil = 0;
let timer = 0;

function speak() {
  timer = 0;
  if (!waiting.length || !voice) return;
  voice.textContent = waiting.length === 1 ? waiting[0] : `${waiting.length} new updates`;
  waiting = [];
  quietUntil = Date.now() + PAUSE;
}

export function announce(text) {
  waiting.push(text);
  timer ||= setTimeout(speak, Math.max(quietUntil - Date.now(), 50));
}
