"""The basics of accessibility, looked for in a page as a browser shows it: our own check, of what a program can tell.

Names of controls and pictures, landmarks, the order of headings, tables, ids, and contrast (WCAG 2.2, 1.4.3 and 1.4.11)
of the colours that the browser has computed.
"""

from playwright.sync_api import Page

FIND = r"""
() => {
  const found = [];
  const say = (what, element) => found.push(`${what}: ${element.outerHTML.slice(0, 120)}`);
  const shown = (e) => e.checkVisibility({ visibilityProperty: true, opacityProperty: true });
  const all = (selector) => [...document.querySelectorAll(selector)].filter(shown);
  const words = (e) => e.textContent.trim() || [...e.querySelectorAll("img")].map((i) => i.alt).join("").trim();
  const text = (id) => document.getElementById(id)?.textContent.trim() ?? "";
  const byId = (ids) => (ids ?? "").split(/\s+/).map(text).join("");
  const named = (e) => (e.getAttribute("aria-label") ?? byId(e.getAttribute("aria-labelledby"))).trim();

  if (!document.documentElement.lang) found.push("the page has no language");
  if (!document.title.trim()) found.push("the page has no title");
  if (all("main").length !== 1) found.push("the page has not one main");
  if (all("h1").length !== 1) found.push("the page has not one h1");
  if (all("nav").some((e) => !named(e))) found.push("a nav has no name");
  for (const e of all("input:not([type=hidden]), select, textarea, meter, progress")) {
    if (e.closest("[aria-hidden=true]")) continue;
    if (!named(e) && ![...(e.labels ?? [])].some((label) => label.textContent.trim())) say("no label", e);
  }
  for (const e of all("button, a[href], summary")) if (!named(e) && !words(e)) say("no name", e);
  for (const e of all("img")) if (!e.hasAttribute("alt")) say("no alt", e);
  for (const e of all("svg")) {
    if (e.getAttribute("aria-hidden") !== "true" && !(e.getAttribute("role") === "img" && named(e))) say("no name", e);
  }
  for (const e of all("fieldset")) if (!e.querySelector("legend")) say("no legend", e);
  for (const e of all("[role=region], section[aria-labelledby]")) if (!named(e)) say("no name", e);
  for (const e of all("th")) if (!e.scope) say("no scope", e);
  for (const e of all("[tabindex]")) if (e.tabIndex > 0) say("a tabindex of its own", e);
  for (const e of all("[aria-labelledby], [aria-describedby]")) {
    for (const name of ["aria-labelledby", "aria-describedby"]) {
      for (const id of (e.getAttribute(name) ?? "").split(/\s+/).filter(Boolean)) {
        if (!document.getElementById(id)) say(`${name} of nothing`, e);
      }
    }
  }
  const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
  for (const id of new Set(ids)) if (ids.filter((one) => one === id).length > 1) found.push(`twice the id ${id}`);
  let level = 0;
  for (const e of all("h1, h2, h3, h4, h5, h6")) {
    const next = Number(e.tagName[1]);
    if (next > level + 1) say(`h${next} after h${level}`, e);
    level = next;
  }

  const colour = (text) => {
    const [r, g, b, a = 1] = text.match(/[\d.]+/g).map(Number);
    return { r, g, b, a };
  };
  const over = (top, under) => {
    const mix = (name) => top[name] * top.a + under[name] * (1 - top.a);
    return { r: mix("r"), g: mix("g"), b: mix("b"), a: 1 };
  };
  const ground = (e) => {
    const layers = [];
    for (let one = e; one; one = one.parentElement) {
      const style = getComputedStyle(one);
      if (style.backgroundImage !== "none") return null;
      layers.push(colour(style.backgroundColor));
      if (layers.at(-1).a === 1) break;
    }
    return layers.reverse().reduce((under, top) => over(top, under), { r: 255, g: 255, b: 255, a: 1 });
  };
  const light = ({ r, g, b }) => {
    const part = (v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4);
    return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  };
  const contrast = (one, other) => {
    const [low, high] = [light(one), light(other)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };
  for (const e of all("body *")) {
    const own = [...e.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    const under = own && !e.disabled ? ground(e) : null;
    if (!under || e.closest("svg, .sr")) continue;
    const style = getComputedStyle(e);
    const px = parseFloat(style.fontSize);
    const large = px >= 24 || (px >= 18.66 && Number(style.fontWeight) >= 700);
    const got = contrast(over(colour(style.color), under), under);
    if (got < (large ? 3 : 4.5)) say(`contrast ${got.toFixed(2)}`, e);
  }
  for (const e of all("input:not([type=checkbox], [type=hidden]), select, button.quiet")) {
    const got = contrast(colour(getComputedStyle(e).borderTopColor), ground(e.parentElement));
    if (got < 3) say(`contrast of the edge ${got.toFixed(2)}`, e);
  }
  for (const e of all("button, select, input:not([type=hidden])")) {
    const box = e.getBoundingClientRect();
    if (box.height < 20 || box.width < 20) say("too small to be hit", e);
  }
  return found;
}
"""
FOCUS = """
() => {
  const e = document.activeElement;
  if (e === document.body) return null;
  const style = getComputedStyle(e);
  const box = e.getBoundingClientRect();
  const seen = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2 && box.width > 0;
  return [e.outerHTML.slice(0, 120), seen];
}
"""


def failings(page: Page) -> list[str]:
    """What is wrong with the page as it is shown now."""
    return page.evaluate(FIND)


def tab_through(page: Page, *, most: int) -> list[str]:
    """What Tab comes to from the beginning of the page, one after another; raises where the focus cannot be seen."""
    page.evaluate("() => { document.activeElement?.blur(); getSelection().removeAllRanges(); scrollTo(0, 0); }")
    found: list[str] = []
    for _ in range(most):
        page.keyboard.press("Tab")
        at = page.evaluate(FOCUS)
        if at is None:
            break
        assert at[1], f"the focus cannot be seen on {at[0]}"
        found.append(at[0])
    return found
