// What a page shows before, instead of, or without its content.

import { el, plainButton, say } from "./dom.js";

const SLOW_MS = 2000;

/** Grey shapes where content will be; past two seconds it says how long it may take. */
export function skeleton(rows = 3, estimate = "This can take a few seconds on a long record.") {
  const note = el("p", { class: "soft" });
  const box = el("div", { class: "skeleton", "aria-busy": "true" }, el("p", { class: "visually-hidden" }, "Loading"), Array.from({ length: rows }, () => el("div", { class: "bone" })), note);
  setTimeout(() => { if (box.isConnected) { note.textContent = estimate; say(estimate); } }, SLOW_MS);
  return box;
}

/** Nothing here yet: what to do first, one button. */
export function empty(title, text, action) {
  return el("section", { class: "empty" }, el("h2", {}, title), el("p", {}, text), action ?? null);
}

/** What went wrong in one line, what to do, and a detail that can be copied. */
export function failure(problem, again) {
  const detail = `${problem.detail ?? ""} ${problem.message}`.trim();
  const copied = el("span", { class: "soft", role: "status" });
  return el("section", { class: "failure", role: "alert" },
    el("p", { class: "failure-line" }, el("strong", {}, "That did not work. "), problem.message),
    el("div", { class: "row" },
      again ? plainButton("Try again", again, { class: "main" }) : null,
      plainButton("Copy detail", async () => {
        try { await navigator.clipboard.writeText(detail); copied.textContent = "Copied."; } catch { copied.textContent = detail; }
      }), copied));
}

/** Run an action of a button or form: busy while it runs, its problem shown in ``place``. */
export async function attempt(control, place, action) {
  place.replaceChildren();
  if (control) control.disabled = true;
  try {
    return await action();
  } catch (problem) {
    place.replaceChildren(failure(problem));
    return undefined;
  } finally {
    if (control) control.disabled = false;
  }
}
