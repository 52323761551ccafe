"""Whether a page as a browser shows it can be used by everybody: axe-core's rules, and where the keyboard comes to."""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

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


COLOURS = ("color-contrast", "link-in-text-block")  # the rules that look at them


def failings(page: Page, *rules: str) -> list[str]:
    """What of axe-core's rules (all with the best practices, or those named) the page breaks as it is shown now."""
    options = {"resultTypes": ["violations"]} | ({"runOnly": list(rules)} if rules else {})
    broken = Axe().run(page, options=options).response["violations"]
    return [f"{rule['id']} ({rule['impact']}): {node['html'][:120]}" for rule in broken for node in rule["nodes"]]


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
