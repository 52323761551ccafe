// One case after another: C confirms, O overturns, U says that nobody can tell; the next one comes by itself.

import { send, show } from "./session.js";

const place = document.getElementById("case");
const none = document.getElementById("none");
const wrong = document.getElementById("wrong");
const state = document.getElementById("state");
const again = document.getElementById("again");
const TOLD = {
  in_review: "a second person is asked",
  disputed: "two people disagree, a third is asked",
  pending: "people are asked",
};
const KEYS = { c: "confirm", o: "overturn", u: "unreadable" };

async function next() {
  none.hidden = true;
  place.setAttribute("aria-busy", "true");
  try {
    const answer = await send("POST", "/review/next");
    const found = answer.status === 204 ? null : await answer.text();
    place.replaceChildren();
    if (found === null) {
      none.hidden = false;
      state.textContent ||= "nothing waits";
      again.focus(); // what had the focus is gone
    } else {
      const page = new DOMParser().parseFromString(found, "text/html");
      place.replaceChildren(page.body.firstElementChild);
      begin(place.firstElementChild);
    }
  } catch (error) {
    show(wrong, error.message);
    none.hidden = false;
  }
  place.setAttribute("aria-busy", "false");
}

function begin(section) {
  for (const form of section.querySelectorAll("form")) {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      answer(section, form);
    });
  }
  section.addEventListener("keydown", (event) => {
    const field = event.target.matches("input");
    if (event.key === "Escape" && field) section.focus();
    const wanted = KEYS[event.key.toLowerCase()];
    if (!wanted || field || event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
    event.preventDefault();
    const form = section.querySelector(`[data-answer="${wanted}"]`);
    const input = form.querySelector("input");
    if (input && !input.value.trim()) input.focus();
    else form.requestSubmit();
  });
  section.focus();
}

async function answer(section, form) {
  if (section.dataset.sent) return;
  section.dataset.sent = "yes";
  show(wrong, "");
  try {
    const said = { answer: form.dataset.answer, ...Object.fromEntries(new FormData(form)) };
    const taken = await send("POST", `/api/reviews/${section.dataset.case}`, said);
    const became = (await taken.json()).state;
    state.textContent = `Case ${section.dataset.case}: ${TOLD[became] ?? became}.`;
    await next();
    await recount();
  } catch (error) {
    delete section.dataset.sent;
    show(wrong, error.message);
    section.focus();
  }
}

/** What was answered changes how cases ended; where that cannot be asked, the old counts stay. */
async function recount() {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } }).catch(() => null);
  if (!answer?.ok || answer.redirected) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  document.getElementById("outcomes").replaceChildren(...page.getElementById("outcomes").childNodes);
}

again.hidden = false;
again.addEventListener("click", () => {
  state.textContent = "";
  show(wrong, "");
  next();
});
next();
