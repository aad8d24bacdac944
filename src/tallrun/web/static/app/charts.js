// Small drawings made here; the big ones are plotly's.

import { dayOf, el, minuteNumber, minuteWords, stackedTable, svg } from "./dom.js";

const GRADES = { GREEN: "●", AMBER: "◐", LATE: "◔", RED: "■", UNKNOWN: "○" };
/** A grade as a person reads it: its mark and its word. */
export const gradeWord = (grade) => `${GRADES[grade]} ${grade === "UNKNOWN" ? "no grade yet" : grade}`;
const GRADE_COLOURS = { GREEN: "var(--good)", AMBER: "var(--warn)", LATE: "var(--warn)", RED: "var(--stop)", UNKNOWN: "var(--ink-soft)" };
const WORST_FIRST = ["RED", "LATE", "AMBER", "UNKNOWN", "GREEN"];
const WIDTH = 384;
const LEFT = 34;
const BARS = 84;
const MARKS = 108;
const PAIN_TOP = 126;
const PAIN = 80;

const worstGrade = (day) => WORST_FIRST.find((grade) => day.grades.some((item) => item.grade === grade)) ?? null;
const worstScore = (day) => (day.scores.length ? Math.max(...day.scores.map((item) => item.score)) : null);

/** Fourteen days: dose bars above, grade marks between, pain dots below; the same as a table for screen readers. */
export function drawStrip(days) {
  const step = (WIDTH - LEFT) / days.length;
  const most = Math.max(30, ...days.map((day) => day.run_minutes + day.walk_minutes));
  const height = (minutes) => (minutes / most) * (BARS - 14);
  const y = (score) => PAIN_TOP + PAIN - (score / 10) * PAIN;
  const marks = days.map((day, place) => {
    const x = LEFT + place * step;
    const middle = x + step / 2;
    const run = height(day.run_minutes);
    const walk = height(day.walk_minutes);
    const grade = worstGrade(day);
    const worst = worstScore(day);
    const wide = step - 6;
    const isToday = place === days.length - 1;
    return [
      day.walk_minutes ? svg("rect", { x: x + 3, y: BARS - run - walk, width: wide, height: walk, rx: 2, fill: "url(#hatch)", stroke: "var(--ink-soft)" }) : null,
      day.run_minutes ? svg("rect", { x: x + 3, y: BARS - run, width: wide, height: run, rx: 2, fill: "var(--focus)" }) : null,
      day.exercises ? svg("path", { d: `M${middle - 5} ${BARS + 5}h10`, stroke: "var(--ink)", "stroke-width": 3 }) : null,
      grade ? gradeMark(grade, middle, MARKS - 4) : null,
      [...new Set(day.scores.map((item) => item.score))].filter((score) => score !== worst).map((score) => svg("circle", { cx: middle, cy: y(score), r: 3, fill: "var(--ink-soft)" })),
      worst === null ? null : [svg("circle", { cx: middle, cy: y(worst), r: 8, fill: worst > 5 ? "var(--stop)" : "var(--ink)" }), svg("text", { x: middle, y: y(worst) + 4, "text-anchor": "middle", class: "num" }, String(worst))],
      svg("text", { x: middle, y: PAIN_TOP + PAIN + 22, "text-anchor": "middle", class: isToday ? "today" : "" }, dayOf(day.date, { day: "numeric" })),
      svg("text", { x: middle, y: PAIN_TOP + PAIN + 35, "text-anchor": "middle", class: isToday ? "today" : "" }, dayOf(day.date, { weekday: "narrow" })),
    ];
  });
  const guides = [[0, "0"], [5, "5"], [10, "pain 10"]].map(([score, label]) => [
    svg("line", { x1: LEFT, x2: WIDTH, y1: y(score), y2: y(score), stroke: "var(--line)", "stroke-dasharray": score === 5 ? "4 3" : null }),
    ...label.split(" ").reverse().map((part, line) => svg("text", { x: LEFT - 6, y: y(score) + 4 - 12 * line, "text-anchor": "end" }, part)),
  ]);
  const picture = svg("svg", { viewBox: `0 0 ${WIDTH} ${PAIN_TOP + PAIN + 40}`, class: "strip", role: "img", "aria-label": "Minutes run and walked, grades and pain of the last 14 days; the same as a table below" },
    svg("defs", {}, svg("pattern", { id: "hatch", width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" }, svg("rect", { width: 3, height: 6, fill: "var(--line)" }))),
    svg("text", { x: LEFT - 6, y: 12, "text-anchor": "end" }, String(Math.round(most))), svg("text", { x: LEFT - 6, y: 24, "text-anchor": "end" }, "min"),
    svg("line", { x1: LEFT, x2: WIDTH, y1: BARS, y2: BARS, stroke: "var(--line)" }), guides, marks);
  const key = (colour, text) => el("span", { class: "key" }, el("i", { class: colour }), text);
  const legend = el("div", { class: "strip-key" }, key("run-block", "run"), key("walk-block", "walk"),
    el("span", { class: "key" }, "▬ strength"), el("span", { class: "key" }, "pain 0–10: the worst of the day has its number"),
    Object.keys(GRADES).map((grade) => el("span", { class: "key" }, gradeWord(grade))));
  const rows = days.map((day) => el("tr", {}, el("th", { scope: "row" }, dayOf(day.date)),
    el("td", {}, day.run_minutes ? minuteNumber(day.run_minutes) : "–"), el("td", {}, day.walk_minutes ? minuteNumber(day.walk_minutes) : "–"),
    el("td", {}, day.grades.map((item) => `${gradeWord(item.grade)} (${item.rule})`).join(", ") || "–"),
    el("td", {}, day.scores.map((item) => `${item.kind} ${item.score}${item.masked ? " (painkiller)" : ""}`).join(", ") || "–"),
    el("td", {}, day.exercises ? `${day.exercises}` : "–")));
  const numbers = el("details", {}, el("summary", {}, "As a table"), stackedTable("The last 14 days", ["Day", "Run min", "Walk min", "Grade", "Scores", "Strength"], rows));
  return [picture, legend, numbers];
}

/** A grade as its own shape: full, half and quarter circle, square, ring. */
export function gradeMark(grade, x, y) {
  const colour = GRADE_COLOURS[grade];
  const r = 7;
  const ring = svg("circle", { cx: x, cy: y, r: r - 1, fill: "none", stroke: colour, "stroke-width": 2 });
  const shapes = {
    GREEN: [svg("circle", { cx: x, cy: y, r, fill: colour })],
    AMBER: [ring, svg("path", { d: `M${x} ${y - r}a${r} ${r} 0 0 0 0 ${2 * r}z`, fill: colour })],
    LATE: [ring, svg("path", { d: `M${x} ${y}V${y - r}A${r} ${r} 0 0 1 ${x + r} ${y}z`, fill: colour })],
    RED: [svg("rect", { x: x - r, y: y - r, width: 2 * r, height: 2 * r, fill: colour })],
    UNKNOWN: [ring],
  };
  return svg("g", {}, svg("title", {}, grade), shapes[grade]);
}

/** Cadence over a session as a line with gaps where it is unknown. */
export function drawThumbnail(values, name) {
  const known = (values ?? []).filter((value) => value !== null);
  if (!known.length) return svg("svg", { class: "thumb", viewBox: "0 0 120 56", role: "img", "aria-label": `${name}: no cadence to draw` }, svg("text", { x: 60, y: 32, "text-anchor": "middle", "font-size": 12, fill: "var(--ink-soft)" }, "–"));
  const low = Math.min(...known, 140);
  const high = Math.max(...known, 190);
  const points = values.map((value, place) => (value === null ? null : [4 + (112 * place) / Math.max(values.length - 1, 1), 52 - (48 * (value - low)) / (high - low)]));
  let path = "";
  points.forEach((point, place) => { if (point) path += `${points[place - 1] ? "L" : "M"}${point[0].toFixed(1)} ${point[1].toFixed(1)}`; });
  return svg("svg", { class: "thumb", viewBox: "0 0 120 56", role: "img", "aria-label": `${name}: cadence from ${Math.round(Math.min(...known))} to ${Math.round(Math.max(...known))} steps a minute` },
    svg("path", { d: path, fill: "none", stroke: "var(--ink)", "stroke-width": 2, "stroke-linejoin": "round", "stroke-linecap": "round" }));
}

/** A calendar of weeks: each a row of seven days with what was planned, done and felt, and its sentences above it. */
export function drawWeeks(weeks) {
  const cell = (day) => {
    const date = dayOf(day.day, { day: "numeric" });
    const ran = day.n_runs + day.n_walks;
    const mark = ran ? (day.planned.length || day.n_advised ? "✓" : "●") : day.planned.length ? "○" : "";
    const dose = day.run_minutes ? minuteWords(day.run_minutes) : day.n_walks ? "walk" : ran ? "run" : day.planned.join(", ");
    const told = [dayOf(day.day), day.is_today ? "today" : "", day.planned.length ? `planned ${day.planned.join(", ")}` : "",
      day.n_runs ? `ran${day.run_minutes ? ` ${minuteWords(day.run_minutes)}` : ""}` : "", day.n_walks ? "walked" : "", day.n_exercises ? "strength work" : "",
      day.worst === null ? "" : `worst pain ${day.worst} of 10`].filter(Boolean).join(", ");
    return el("td", { class: day.is_today ? "today" : day.is_ahead ? "ahead" : "", "aria-current": day.is_today ? "date" : null },
      el("span", { class: "visually-hidden" }, told),
      el("span", { "aria-hidden": "true" }, el("strong", {}, date), el("i", { class: ran ? "done" : "" }, mark || "\u00a0"), el("small", {}, dose || "\u00a0"),
        el("small", { class: "pain-of-day" }, day.worst === null ? "\u00a0" : `p ${day.worst}`)));
  };
  const names = weeks.at(-1).days.map((day) => el("th", { scope: "col" }, dayOf(day.day, { weekday: "short" }).slice(0, 2)));
  return [el("table", { class: "weeks" }, el("thead", {}, el("tr", {}, names)), [...weeks].reverse().map((week, place) => el("tbody", {},
    el("tr", {}, el("td", { class: "told", colspan: 7 }, place ? el("strong", {}, `Week of ${dayOf(week.days[0].day, { day: "numeric", month: "short" })}. `) : el("strong", {}, "This week. "), week.sentences.join(" "))),
    el("tr", {}, week.days.map(cell))))),
  el("p", { class: "strip-key" }, [["✓", "done as planned or advised"], ["●", "done"], ["○", "planned"], ["p", "worst pain of the day, 0–10"]].map(([mark, text]) => el("span", { class: "key" }, `${mark} ${text}`)))];
}

let plotly = null;

/** Load plotly's own script, once, from this server. */
export function loadPlotly() {
  plotly ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = "/vendor/plotly.min.js";
    script.onload = () => resolve(window.Plotly);
    script.onerror = () => reject(new Error("The drawing script could not be loaded from this computer."));
    document.head.append(script);
  });
  return plotly;
}

/** Colours of the theme in use, for plotly. */
export function themeColours() {
  const style = getComputedStyle(document.documentElement);
  return Object.fromEntries(["ink", "ink-soft", "line", "paper", "panel", "focus", "good", "warn", "stop", "pelvis"].map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
}
