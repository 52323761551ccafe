// What is marked data-refresh="seconds" is brought up to date while somebody looks at it.

const told = document.createElement("p"); // stands above what could not be brought up to date
told.className = "told bad";
told.setAttribute("role", "status");

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
    if (!answer.ok) return stale(part);
    told.remove();
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.querySelector("[data-refresh]");
    if (fresh && fresh.innerHTML !== part.innerHTML) part.replaceChildren(...fresh.childNodes);
  } catch {
    stale(part);
  }
  return undefined;
}

function stale(part) {
  if (told.isConnected) return;
  told.textContent = "The server does not answer: what stands here is older. It comes up to date by itself.";
  part.before(told);
}
