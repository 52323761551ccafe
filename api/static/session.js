// What every page does: log out, and tell other modules how to ask the server.

export const csrf = document.querySelector('meta[name="csrf-token"]').content;

/** Ask for something that changes something; the answer, or an Error with the server's own sentence. */
export async function send(method, address, body) {
  const headers = { "X-CSRF-Token": csrf };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let answer;
  try {
    answer = await fetch(address, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  } catch {
    throw new Error("The server cannot be reached.");
  }
  if (answer.ok) return answer;
  throw new Error(told(await answer.text(), answer.status));
}

/** The sentence of a problem (RFC 9457), or its status. */
export function told(text, status) {
  try {
    return JSON.parse(text).detail;
  } catch {
    return `The server answered ${status}.`;
  }
}

/** Show a sentence in an element that is hidden where there is none. */
export function show(element, text) {
  element.textContent = text;
  element.hidden = !text;
}

const out = document.getElementById("log-out");
if (out && csrf) {
  out.hidden = false;
  out.addEventListener("click", async () => {
    try {
      await send("DELETE", "/api/session");
    } finally {
      location.assign("/login");
    }
  });
}
