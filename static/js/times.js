// Relative times grow older while one reads. One timer for all; the words are those of app/web/filters.py.
const MINUTE = 60, HOUR = 3600, DAY = 86400;
const words = (count, one) => `${count} ${one}${count === 1 ? "" : "s"} ago`;
const long = (age) =>
  age < MINUTE ? "just now"
  : age < HOUR ? words(Math.floor(age / MINUTE), "minute")
  : age < DAY ? words(Math.floor(age / HOUR), "hour")
  : words(Math.floor(age / DAY), "day");
const short = (age) =>
  age < MINUTE ? "now"
  : age < HOUR ? `${Math.floor(age / MINUTE)} min`
  : age < DAY ? `${Math.floor(age / HOUR)} h`
  : `${Math.floor(age / DAY)} d`;

export function refresh() {
  for (const el of document.querySelectorAll("time[data-relative]")) {
    const age = (Date.now() - Date.parse(el.dateTime)) / 1000;
    if (age < 0 || age >= 30 * DAY) continue; // a date, which does not grow older
    const text = (el.dataset.relative === "short" ? short : long)(age);
    if (el.textContent !== text) el.textContent = text;
  }
}

setInterval(() => document.hidden || refresh(), 30_000);
document.addEventListener("visibilitychange", () => document.hidden || refresh());
