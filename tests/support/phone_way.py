"""The way of a run on the phone, by taps: what a test waits for and what it answers."""

from __future__ import annotations

WAIT_MS = 90_000


def step(page, name: str) -> None:
    page.wait_for_selector(f".run[data-step={name}]", timeout=WAIT_MS)


def calm(page, name: str) -> None:
    """Wait for a step, and until nothing is going on in it."""
    step(page, name)
    page.wait_for_function("!document.querySelector('.doing')", timeout=WAIT_MS)


def pair(page, name: str, place: str) -> None:
    row = page.locator(".found").filter(has_text=name)
    row.get_by_role("button", name=place, exact=True).click()
    page.locator(".found").filter(has_text=name).wait_for(state="detached")
    calm(page, "sensors")


def answer(page, *questions: str) -> None:
    """Answer what is due on Today: 1 of 10 and no."""
    for name in questions:
        row = page.locator(f"[data-question={name}]").first
        row.wait_for()
        if row.evaluate("row => row.matches('details:not([open])')"):
            row.locator("summary").click()
        if row.locator(".scores").count():
            row.get_by_role("button", name="Pain 1 of 10").click()
        elif row.get_by_role("button", name="No", exact=True).count():
            row.get_by_role("button", name="No", exact=True).click()
        elif name == "screen":
            row.get_by_role("button").click()
            page.click("text=No to all that are open")
            page.click("text=Keep the answers")
        else:
            for select in row.locator("select").all():
                select.select_option(label="No" if "No" in select.inner_text() else "1")
            row.locator("button.main").click()
        row.wait_for(state="detached")


def state_of(page) -> str | None:
    page.wait_for_selector(".verdict")
    return page.get_attribute(".verdict", "data-state")
