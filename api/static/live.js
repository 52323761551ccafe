// The newest cars, kept up to date by server-sent events.

const cars = document.getElementById("cars");
const empty = document.getElementById("empty");
const state = document.getElementById("state");
const news = document.getElementById("news");
const pause = document.getElementById("pause");
const blank = document.getElementById("car").content;
const signs = JSON.parse(cars.dataset.signs);
const most = Number(cars.dataset.shown);
const zone = document.documentElement.dataset.zone;
const clock = new Intl.DateTimeFormat("sv-SE", { timeZone: zone, dateStyle: "short", timeStyle: "medium" });
const TONES = { VALID: "good", EXEMPT: "good", NOT_LIABLE: "good", GRACE: "good", SUSPECT: "bad" };
const AGAIN_MS = 5000;
const LIKELY = 0.5; // probability from which a country is shown
const HEARD_MS = 1000;
const held = []; // what came while paused
const unheard = new Map(); // sentences by car
let source = null;
let paused = false;

function say(name, text) {
  if (state.textContent === text) return;
  state.dataset.state = name;
  state.textContent = text;
}

function tone(verdict) {
  return verdict === null ? "open" : (TONES[verdict] ?? "unsure");
}

function filled(car, item) {
  const slot = (name) => item.querySelector(`[data-slot="${name}"]`);
  const likeliest = car.regions[0];
  const country = likeliest && likeliest.probability >= LIKELY ? likeliest.country : "";
  item.dataset.id = car.id;
  slot("link").href = `/events/${car.id}`;
  const groups = car.written.split(/(?=[ -])/);
  const spelled = groups.map((group) => [...bare(group)].join(" ")).join(", ");
  slot("look").dataset.country = country;
  slot("look").ariaLabel = [spelled || "no plate", country].filter(Boolean).join(", ");
  slot("sign").textContent = signs[country] ?? country;
  slot("plate").replaceChildren(...groups.map(lettered));
  const verdict = slot("verdict");
  verdict.className = `verdict ${tone(car.verdict)}`;
  verdict.textContent = car.verdict === null ? "NOT JUDGED" : car.verdict.replaceAll("_", " ");
  slot("camera").textContent = car.camera;
  const time = slot("time").matches("time") ? slot("time") : slot("time").querySelector("time");
  time.dateTime = car.first_seen;
  time.textContent = clock.format(new Date(car.first_seen));
  pictured(slot("crop"), car);
  return item;
}

function bare(group) {
  return group.replace(/^[ -]/, "");
}

/** A group of a plate's characters; what parts it from the one before is drawn by the style, so that nobody copies it. */
function lettered(group) {
  const letters = document.createElement("b");
  letters.className = { " ": "gap", "-": "dash" }[group[0]] ?? "";
  letters.textContent = bare(group) || "–";
  return letters;
}

function pictured(crop, car) {
  const address = car.picture && `${car.picture}?revision=${car.revision}`;
  const shown = crop.querySelector("img");
  if (!address) {
    const none = document.createElement("span");
    none.className = "none";
    none.textContent = "no picture";
    crop.replaceChildren(none);
  } else if (shown?.getAttribute("src") !== address) {
    const image = new Image();
    image.alt = "Picture of the plate";
    image.src = address;
    crop.replaceChildren(image);
  }
}

function put(car) {
  const known = cars.querySelector(`[data-id="${car.id}"]`);
  const before = known?.querySelector('[data-slot="verdict"]').textContent;
  const item = filled(car, known ?? blank.cloneNode(true).querySelector("li"));
  if (!known) {
    item.classList.add("new");
    cars.prepend(item);
    while (cars.children.length > most) cars.lastElementChild.remove();
  }
  empty.hidden = true;
  const verdict = item.querySelector('[data-slot="verdict"]').textContent;
  if (!known || before !== verdict) {
    tell(car.id, `${item.querySelector('[data-slot="look"]').ariaLabel}: ${verdict}, ${car.camera}`);
  }
}

/** Say it to those who hear the page: of many cars at once the last one and their number. */
function tell(id, sentence) {
  if (unheard.size === 0) {
    setTimeout(() => {
      const last = [...unheard.values()].at(-1);
      news.textContent = unheard.size === 1 ? last : `${unheard.size} cars, the last: ${last}`;
      unheard.clear();
    }, HEARD_MS);
  }
  unheard.delete(id);
  unheard.set(id, sentence);
}

function drop(id) {
  cars.querySelector(`[data-id="${id}"]`)?.remove();
  empty.hidden = cars.children.length > 0;
}

function now(act) {
  if (paused) {
    held.push(act);
    if (held.length > 10 * most) held.shift();
    pause.textContent = `Go on (${held.length} more)`;
  } else act();
}

/** Take the list as the server has it: what came while nobody listened is in it. */
async function refill() {
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (answer.redirected) return location.reload();
    if (!answer.ok) return undefined;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    cars.replaceChildren(...page.getElementById("cars").children);
    empty.hidden = cars.children.length > 0;
  } catch {
    // The server is away; the next try comes.
  }
  return undefined;
}

function listen() {
  const query = new URLSearchParams(location.search).getAll("camera").filter(Boolean);
  source = new EventSource(`/api/live?${new URLSearchParams(query.map((one) => ["camera", one]))}`);
  source.addEventListener("open", () => say("running", "live"));
  source.addEventListener("away", () => say("silent", "database away, waiting…"));
  source.addEventListener("back", () => say("running", "live"));
  source.addEventListener("event", (message) => now(() => put(JSON.parse(message.data))));
  source.addEventListener("gone", (message) => now(() => drop(JSON.parse(message.data).id)));
  source.addEventListener("error", () => {
    say("silent", "connection lost, trying…");
    if (source.readyState !== EventSource.CLOSED) return;
    setTimeout(async () => {
      await refill();
      listen();
    }, AGAIN_MS);
  });
}

say("waiting", "connecting…");
pause.hidden = false;
pause.addEventListener("click", () => {
  paused = !paused;
  pause.setAttribute("aria-pressed", String(paused));
  if (!paused) for (const act of held.splice(0)) act();
  pause.textContent = paused ? "Go on" : "Pause";
});
addEventListener("pagehide", () => source.close());
addEventListener("pageshow", (event) => event.persisted && refill().then(listen));
listen();
