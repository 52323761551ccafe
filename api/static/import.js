// A list is sent with its progress; what the server says of it stands below.

import { csrf, show, told } from "./session.js";

const form = document.getElementById("import-form");
const progress = document.getElementById("progress");
const bar = document.getElementById("bar");
const step = document.getElementById("step");
const done = document.getElementById("done");
const wrong = document.getElementById("wrong");
const button = form.querySelector("button");
const zone = document.documentElement.dataset.zone;

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

function over(sentence, failed) {
  progress.hidden = true;
  button.disabled = false;
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
  request.open("POST", address());
  request.setRequestHeader("X-CSRF-Token", csrf);
  request.setRequestHeader("Content-Type", file.name.endsWith(".json") ? "application/json" : "text/csv");
  request.upload.addEventListener("progress", (sent) => {
    bar.value = sent.loaded / sent.total;
    step.textContent = `Sending… ${Math.round((100 * sent.loaded) / sent.total)} %`;
  });
  request.upload.addEventListener("load", () => {
    bar.removeAttribute("value");
    step.textContent = "Checking and storing…";
  });
  request.addEventListener("error", () => over("The server cannot be reached.", true));
  request.addEventListener("load", async () => {
    if (request.status !== 200) return over(told(request.responseText, request.status), true);
    over(JSON.parse(request.responseText).told.join("\n"), false);
    return refill();
  });
  button.disabled = true;
  bar.value = 0;
  progress.hidden = false;
  request.send(file);
});
