// Where streams do not get through: ask for the numbers. Answers the token to go on with, "" when there is none.
export async function ask(token, take) {
  const answer = await fetch(`/live/heads?token=${encodeURIComponent(token)}`);
  if (answer.status === 401) return renewed();
  if (answer.ok) take(await answer.json());
  return token;
}

// A token counts no longer after a sign-out, a change of rights, or twelve hours. The page then asks for itself again and
// takes the token of the new copy, if its reader still gets one.
async function renewed() {
  const answer = await fetch(location.href);
  if (answer.redirected || [401, 403, 404].includes(answer.status)) return "";
  if (!answer.ok) throw new Error(`The page answers ${answer.status}`);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  return page.querySelector('meta[name="live-token"]')?.content ?? "";
}
