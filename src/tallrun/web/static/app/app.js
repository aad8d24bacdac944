// The shell: which page this address is, whose records, and what to show when something is missing.

import { chooseRunner, get, runner } from "./api.js";
import { el, setShown, setZone } from "./dom.js";
import { watch } from "./remind.js";
import { failure, skeleton } from "./states.js";
import { setupPage } from "./setup.js";

const PAGES = {
  patients: ["Patients", () => import("./patients.js")],
  today: ["Today", () => import("./today.js")],
  run: ["Run", () => import("./run.js")],
  sessions: ["Sessions", () => import("./sessions.js")],
  report: ["Report", () => import("./report.js")],
  recovery: ["Recovery", () => import("./recovery.js")],
  plan: ["Plan", () => import("./plan.js")],
  settings: ["Settings", () => import("./settings.js")],
};
const main = document.getElementById("main");
const [name, ...rest] = location.pathname.split("/").filter(Boolean);
const [title, load] = PAGES[name] ?? PAGES.today;

document.title = `${title} – tallrun`;
for (const link of document.querySelectorAll("#nav a, #home")) {
  if (link.id !== "home" && link.pathname === `/${{ report: "sessions", run: "today" }[name] ?? name}`) link.setAttribute("aria-current", "page");
  if (new URLSearchParams(location.search).has("runner")) link.search = `?runner=${encodeURIComponent(runner())}`;
}

async function show() {
  const heading = el("h1", {}, title);
  const body = el("div", { class: "page" }, skeleton());
  main.replaceChildren(heading, body);
  main.dataset.state = "loading";
  try {
    const status = await get("/status");
    showRunners(status.runners);
    setShown(status.shown);
    if (!status.is_set_up) {
      body.replaceChildren(setupPage(status.trial, show));
      main.dataset.state = "empty";
      return;
    }
    // the list is about everybody: no one is chosen yet
    if (name !== "patients") setZone((await get("/profile")).time_zone);
    const page = await load();
    await page.show(body, { heading, status, rest, again: show });
    main.dataset.state = "ready";
    if (status.runners.length === 1) watch();
  } catch (problem) {
    body.replaceChildren(failure(problem, show));
    main.dataset.state = "error";
  }
}

function showRunners(codes) {
  const box = document.getElementById("runner");
  document.getElementById("who").hidden = codes.length < 2;
  document.getElementById("patients").hidden = codes.length < 2;
  if (codes.length < 2) return;
  const chosen = runner();
  box.replaceChildren(...(codes.includes(chosen) ? [] : [el("option", { value: "" }, "choose")]), ...codes.map((code) => el("option", { value: code }, code)));
  box.value = codes.includes(chosen) ? chosen : "";
  box.onchange = () => { if (box.value) chooseRunner(box.value); };
}

// Browsers allow it on this computer itself and over https only; elsewhere the pages work without.
if ("serviceWorker" in navigator && window.isSecureContext) navigator.serviceWorker.register("/sw.js").catch(() => {});

show();
