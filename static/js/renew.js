// A live token counts no longer after a sign-out, a change of rights, or twelve hours. The page then asks for itself and
// takes the token of the new copy; "" when its reader does not get the page any more.
export async function renewed() {
  const answer = await fetch(location.href);
  if (answer.redirected || [401, 403, 404].includes(answer.status)) return "";
  if (!answer.ok) throw new Error(`The page answers ${answer.status}`);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  return page.querySelector('meta[name="live-token"]')?.content ?? "";
}
