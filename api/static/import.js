// A list is sent, and the server tells how far it is with it; what came of it stands below.

import { csrf, show, told } from "./session.js";

const form = document.getElementById("import-form");
const progress = document.getElementById("progress");
const bar = document.getElementById("bar");
const step = document.getElementById("step");
const done = document.getElementById("done");
const wrong = document.getElementById("wrong");
const news = document.getElementById("news");
const stop = document.getElementById("stop");
const button = form.querySelector("button");
const PHASES = {
  checking: "Checking",
  waiting: "Waiting until another import for this country has ended",
  storing: "Storing",
  finishing: "Finishing",
};
const zone = document.documentElement.dataset.zone;
const BROKEN = "The connection broke. Load this page again to see whether the list is in.";

/** As 1 204 377, with thin spaces. */
function number(count) {
  return String(count).replace(/\B(?=(\d{3})+$)/g, "\u202f");
}

/** How far the zone's clocks are ahead of UTC at a moment, in ms. */
function ahead(at) {
  const parts = new Intl.DateTimeFormat("sv-SE", { timeZone: zone, dateStyle: "short", timeStyle: "medium" });
  return Date.parse(`${parts.format(at).replace(" ", "T")}Z`) - Math.floor(at.getTime() / 1000) * 1000;
}

/** What clocks of the zone showed, as a moment; asked twice, for the hours around a change of the clocks. */
function moment(local) {
  const naive = Date.parse(`${local}Z`);
  const near = naive - ahead(new Date(naive));
  return new Date(naive - ahead(new Date(near))).toISOString();
}

function address() {
  const fields = new FormData(form);
  const query = new URLSearchParams();
  for (const name of ["country", "rows", "update", "accept_shrink"]) {
    if (fields.get(name)) query.set(name, fields.get(name));
  }
  if (fields.get("as_of")) query.set("as_of", moment(fields.get("as_of")));
  return `/api/vignettes/import?${query}`;
}

/** Show how far it is; `share` is null where nobody knows. Said aloud are beginnings and quarters. */
function tell(phase, share, more = "") {
  if (share === null) bar.removeAttribute("value");
  else bar.value = share;
  step.textContent = `${phase}… ${more}`;
  const aloud = share === null ? `${phase}…` : `${phase}… ${25 * Math.floor(4 * share)} %`;
  if (news.textContent !== aloud) news.textContent = aloud;
}

function heard({ phase, rows, total, share }) {
  if (phase === "checking") tell(PHASES[phase], share, `${number(rows)} vignettes`);
  else if (phase === "storing") tell(PHASES[phase], share, `${number(rows)} of ${number(total)} vignettes`);
  else tell(PHASES[phase], null);
}

/** What a stream of server-sent events says from a place on, and how far that goes. */
function events(text, from) {
  const end = text.lastIndexOf("\n\n") + 2;
  const found = text.slice(from, end).matchAll(/^event: (.*)\ndata: (.*)$/gm);
  return [[...found].map(([, name, data]) => [name, data]), Math.max(from, end)];
}

function over(sentence, failed) {
  const wasHere = progress.contains(document.activeElement);
  progress.hidden = true;
  button.disabled = false;
  news.textContent = "";
  if (wasHere) button.focus();
  show(failed ? wrong : done, sentence);
}

async function refill() {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  document.getElementById("snapshots").replaceWith(page.getElementById("snapshots"));
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const file = form.elements.file.files[0];
  show(done, "");
  show(wrong, "");
  if (file.size > Number(form.dataset.mostMb) * 1e6) {
    over(`The list is larger than the ${form.dataset.mostMb} MB that are taken here.`, true);
    return;
  }
  const request = new XMLHttpRequest(); // fetch does not tell how much it has sent
  let read = 0; // of the answer
  let sent = false;
  request.open("POST", address());
  request.setRequestHeader("X-CSRF-Token", csrf);
  request.setRequestHeader("Content-Type", file.name.endsWith(".json") ? "application/json" : "text/csv");
  request.setRequestHeader("Accept", "text/event-stream");
  request.upload.addEventListener("progress", ({ loaded, total }) => {
    tell("Sending", loaded / total, `${Math.round((100 * loaded) / total)} %`);
  });
  request.upload.addEventListener("load", () => {
    sent = true;
    tell(PHASES.checking, null);
  });
  request.addEventListener("progress", () => {
    if (request.status !== 200) return;
    const [found, end] = events(request.responseText, read);
    read = end;
    for (const [name, data] of found) {
      if (name === "progress") heard(JSON.parse(data));
      else if (name === "problem") over(told(data, 500), true);
      else over(JSON.parse(data).told.join("\n"), false);
    }
  });
  request.addEventListener("load", () => {
    if (request.status !== 200) return over(told(request.responseText, request.status), true);
    if (!progress.hidden) over(BROKEN, true);
    return refill();
  });
  request.addEventListener("error", () => over(sent ? BROKEN : "The server cannot be reached.", true));
  request.addEventListener("abort", () => {
    over("Stopped. The lists below say what counts.", true);
    refill();
  });
  stop.onclick = () => request.abort();
  button.disabled = true;
  progress.hidden = false;
  progress.focus();
  tell("Sending", 0);
  request.send(file);
});
addEventListener("beforeunload", (event) => {
  if (!progress.hidden) event.preventDefault();
});
