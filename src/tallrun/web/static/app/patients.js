// Patients: everybody in this data folder, the one in greatest need first.

import { get } from "./api.js";
import { gradeWord } from "./charts.js";
import { dayOf, el, longDay, minuteWords, stackedTable, svg, words } from "./dom.js";
import { empty } from "./states.js";

const MARKS = { unreadable: "✕", red_flag: "■", over_limit: "▲", red_run: "■", no_reply: "○", missed_mornings: "○", gait_flag: "⚑" };
const GRAVE = new Set(["unreadable", "red_flag", "over_limit", "red_run"]);
const HEAD = ["Patient", "What to look at", "Side", "Advice today", "Last run or walk, and its pain grade", "Mornings, 14 days", "Open"];
/** What the columns mean; a grade beside an advice that forbids a run is no contradiction. */
const KEY = "To look at: an unreadable record, a red flag, pain over the limit, a red run, silence, missing mornings, and flags of gait in the last recording. "
  + "Pain grade: how pain went up to 48 hours after it. It does not say that it was the one in the plan, nor that today is a day for one: that is Advice today. A flag is about how somebody ran, not about pain.";

export async function show(body) {
  const list = await get("/patients");
  if (!list.length) {
    body.replaceChildren(empty("No patients yet", "Set the first one up under Settings.", null));
    return;
  }
  const many = list.filter((item) => item.alerts.length).length;
  const made = stackedTable("Patients", HEAD, list.map(row));
  made.classList.add("patients");
  body.replaceChildren(el("p", {}, `${many} of ${list.length} to look at.`), made, el("p", { class: "small soft" }, KEY));
}

function row(item) {
  const to = (page) => `/${page}?runner=${encodeURIComponent(item.code)}`;
  const stage = [item.name ?? "not known", item.rung ? `level ${item.rung}` : null, item.phase ? `strength phase ${item.phase}` : null].filter(Boolean);
  return el("tr", { data: { code: item.code } },
    el("th", { scope: "row" }, el("a", { href: to("today"), class: "free" }, item.code)),
    el("td", {}, item.alerts.length ? el("ul", { class: "alerts" }, item.alerts.map((alert) => el("li", { class: GRAVE.has(alert.kind) ? "grave" : "" }, el("span", { "aria-hidden": "true" }, `${MARKS[alert.kind]} `), alert.text))) : "No alert."),
    el("td", {}, item.side ? `${item.side} ${words(item.site)}` : "–"),
    el("td", {}, stage.join(", ")),
    el("td", {}, item.last_run_at ? `${longDay(item.last_run_at)}, ${minuteWords(item.last_run_minutes)}${item.last_grade ? `, ${gradeWord(item.last_grade)}` : ""}` : "none yet"),
    el("td", {}, sparkline(item.mornings)),
    el("td", {}, el("span", { class: "row" }, [["sessions", "Sessions"], ["recovery", "Recovery"], ["plan", "Plan"]].map(([page, text]) => el("a", { href: to(page), class: "button", "aria-label": `${text} of ${item.code}` }, text)))));
}

/** Morning scores 0–10 as a small line; a missing one is a gap with an open mark on the base, never a zero. */
function sparkline(mornings) {
  if (!mornings.length) return "–";
  const [width, height, pad] = [168, 44, 6];
  const x = (place) => pad + place * (width - 2 * pad) / (mornings.length - 1);
  const y = (score) => height - pad - 4 - score * (height - 2 * pad - 4) / 10;
  const known = mornings.map((item, place) => ({ ...item, place })).filter((item) => item.score !== null);
  const lines = known.slice(1).filter((item, at) => item.place === known[at].place + 1).map((item) => svg("path", { d: `M${x(item.place - 1)} ${y(mornings[item.place - 1].score)}L${x(item.place)} ${y(item.score)}`, stroke: "var(--ink)", "stroke-width": 2 }));
  const marks = mornings.map((item, place) => (item.score === null ? svg("circle", { cx: x(place), cy: height - 3, r: 2, fill: "none", stroke: "var(--ink-soft)" }) : svg("circle", { cx: x(place), cy: y(item.score), r: 2.5, fill: "var(--ink)" })));
  const last = known.at(-1);
  const told = known.length ? `${known.length} of ${mornings.length} mornings, the last ${last.score} on ${dayOf(last.date)}` : `no morning in ${mornings.length} days`;
  return el("span", { class: "spark" }, svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `Morning scores: ${mornings.map((item) => item.score ?? "missing").join(", ")}` }, svg("line", { x1: pad, x2: width - pad, y1: y(0), y2: y(0), stroke: "var(--line)" }), lines, marks), el("span", { class: "small soft" }, told));
}
