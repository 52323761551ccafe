// What is marked data-refresh="seconds" is brought up to date while somebody looks at it.

for (const part of document.querySelectorAll("[data-refresh]")) {
  setInterval(() => {
    const busy = part.contains(document.activeElement) || part.querySelector("details[open]");
    if (!document.hidden && !busy) refresh(part);
  }, Number(part.dataset.refresh) * 1000);
}

async function refresh(part) {
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (answer.redirected) return location.reload();
    part.toggleAttribute("data-stale", !answer.ok);
    if (!answer.ok) return undefined;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.querySelector("[data-refresh]");
    if (fresh && fresh.innerHTML !== part.innerHTML) part.replaceChildren(...fresh.childNodes);
  } catch {
    part.toggleAttribute("data-stale", true);
  }
  return undefined;
}
