// Forms with data-send go to the API as JSON; what is wrong with them stands above their fields.

import { send, show } from "./session.js";

for (const form of document.querySelectorAll("form[data-send]")) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const wrong = form.querySelector("[role=alert]");
    const button = form.querySelector("button");
    const body = Object.fromEntries(new FormData(form));
    if (form.dataset.null) body[form.dataset.null] = null;
    show(wrong, "");
    button.disabled = true;
    try {
      await send("POST", form.dataset.send, body);
      location.reload();
    } catch (error) {
      show(wrong, error.message);
      button.disabled = false;
    }
  });
}
