// Recovery: pain, gait and load on one time line; the ladder; exercise and runs without sensors.

import { get, post } from "./api.js";
import { drawWeeks, gradeWord, loadPlotly, themeColours } from "./charts.js";
import { capital, card, choose, dayOf, distance, el, field, lengthUnit, metresFrom, number, say, stackedTable, table, when, words } from "./dom.js";
import { attempt, failure, skeleton } from "./states.js";
import { stateWord } from "./verdict.js";

const GAIT = {
  cadence_spm: ["Cadence", "steps/min", 1],
  stance_time_s: ["Ground contact", "ms", 1000],
  foot_strike_angle_deg: ["Foot-strike angle", "°", 1],
  pelvic_tilt_deg: ["Pelvic tilt from standing", "°", 1],
  asymmetry_contact_pct: ["Contact, right against left", "%, longer right is +", 1],
};
const SPANS = [[14, "14 days"], [28, "4 weeks"], [56, "8 weeks"], [182, "6 months"], [365, "a year"]];
const NARROW = matchMedia("(max-width: 620px)");
const GRADE_SHAPES = { GREEN: "circle", AMBER: "diamond", LATE: "triangle-up", RED: "square", UNKNOWN: "circle-open" };

export async function show(body) {
  const page = new Recovery(body);
  await page.load();
}

class Recovery {
  constructor(body) {
    this.body = body;
    this.days = 56;
    this.metric = "cadence_spm";
  }

  async load() {
    const [ladder, course, exercises, forms] = await Promise.all([get("/ladder"), get("/course", { days: this.days }), get("/exercises", { days: 28 }), get("/visa-h")]);
    const weeks = await get("/weeks", { count: 8 });
    this.course = course;
    this.picture = el("div", {});
    this.body.replaceChildren(this.courseCard(),
      el("div", { class: "page two" }, el("div", { class: "column" }, card("Week by week", drawWeeks(weeks)), ladderCard(ladder), adviceCard(ladder)), el("div", { class: "column" }, this.runCard(), this.visaCard(forms), exerciseCard(exercises))));
    await this.draw();
  }

  courseCard() {
    const span = choose(SPANS, String(this.days));
    span.addEventListener("change", async () => {
      this.days = Number(span.value);
      this.picture.replaceChildren(skeleton(1));
      try {
        this.course = await get("/course", { days: this.days });
        this.table.replaceWith(this.table = courseTable(this.course));
        this.told.replaceWith(this.told = told(this.course));
        await this.draw();
      } catch (problem) { this.picture.replaceChildren(failure(problem)); }
    });
    const metric = choose(Object.entries(GAIT).map(([name, [label]]) => [name, label]), this.metric);
    metric.addEventListener("change", () => { this.metric = metric.value; this.draw(); });
    this.table = courseTable(this.course);
    this.told = told(this.course);
    return card("Pain, gait and load on one line", el("div", { class: "fields" }, field("How far back", span), field("Gait shown", metric)), this.picture, this.told, this.table);
  }

  async draw() {
    const course = this.course;
    if (!course.sessions.length && !course.scores.length) {
      this.picture.replaceChildren(el("p", {}, "Nothing is logged in this time. A pain score on Today or a run below starts the line."));
      return;
    }
    const plot = el("div", { class: "plot", role: "img", "aria-label": "Load by day, gait by session and pain scores on one time line; the numbers are in the table below" });
    this.picture.replaceChildren(plot);
    const Plotly = await loadPlotly();
    const [data, layout] = figure(course, this.metric, NARROW.matches);
    await Plotly.newPlot(plot, data, layout, { displayModeBar: false, responsive: true });
    // plotly's own legend takes half a phone's width: there the same key stands below the picture
    if (NARROW.matches) this.picture.append(key(data));
    if (!this.watching) {
      this.watching = true;
      for (const query of [matchMedia("(prefers-color-scheme: dark)"), NARROW]) query.addEventListener("change", () => this.draw());
    }
  }

  runCard() {
    const minutes = el("input", { type: "number", min: "1", max: "1440", required: true, inputmode: "decimal" });
    const running = el("input", { type: "number", min: "0", max: "1440", inputmode: "decimal" });
    const at = el("input", { type: "datetime-local" });
    const rung = choose([["", "Free run"], ...RUNGS.map((name) => [name, name])], "");
    const km = el("input", { type: "number", min: "0", step: "0.01", inputmode: "decimal" });
    const surface = choose([["", "Not said"], ["treadmill", "Treadmill"], ["road", "Road"], ["trail", "Trail"]], "");
    const rpe = el("input", { type: "number", min: "0", max: "10", step: "0.5", inputmode: "decimal" });
    const pain = choose([["", "Not said"], ...Array.from({ length: 11 }, (_, score) => [String(score), String(score)])], "");
    const limping = choose([["", "Not said"], ["no", "No"], ["yes", "Yes"]], "");
    const stop = choose([["none", "No"], ["pain", "Yes, for pain"], ["other", "Yes, for something else"]], "none");
    const trouble = el("div", {});
    const save = el("button", { class: "main" }, "Keep this run");
    const value = (input) => (input.value === "" ? null : Number(input.value));
    const form = el("form", { on: { submit: async (event) => {
      event.preventDefault();
      await attempt(save, trouble, async () => {
        await post("/runs", {
          minutes: value(minutes), run_minutes: value(running), at: at.value || null, rung: rung.value || null, distance_m: km.value === "" ? null : metresFrom(Number(km.value)),
          surface: surface.value || null, session_rpe: value(rpe), pain_during: value(pain), limping: { yes: true, no: false }[limping.value] ?? null, stop_reason: stop.value,
        });
        say("The run is kept.");
        await this.load();
      });
    } } },
    el("div", { class: "fields" }, field("Minutes, walk breaks included", minutes), field("Minutes of running", running), field("Started at", at, "Leave empty if it has just ended."), field("Level", rung),
      field(`Distance [${lengthUnit()}]`, km), field("Surface", surface), field("Effort, 0–10", rpe), field("Worst pain during", pain), field("Did you limp?", limping), field("Cut short?", stop)), trouble, save);
    return card("A run without sensors", el("details", {}, el("summary", {}, "Log a run or walk"), form));
  }

  visaCard(forms) {
    const total = el("input", { type: "number", min: "0", max: "100", step: "1", required: true, inputmode: "numeric" });
    const trouble = el("div", {});
    const save = el("button", { class: "main" }, "Keep this total");
    const rows = [...forms].reverse().slice(0, 12).map((item) => el("tr", {}, el("td", { class: "date" }, when(item.at)), el("td", {}, `${item.total} of 100`)));
    return card("VISA-H form", rows.length ? table("VISA-H totals", ["When", "Total"], rows) : el("p", {}, "No total yet. Once a week is enough; 100 is well."),
      el("details", {}, el("summary", {}, "Note a total"), el("form", { on: { submit: async (event) => {
        event.preventDefault();
        await attempt(save, trouble, async () => { await post("/visa-h", { total: Number(total.value) }); say("Noted."); await this.load(); });
      } } }, field("Total, 0 to 100", total), trouble, el("p", {}, save))));
  }
}

const RUNGS = ["V0", "V1", "V2", "V3", "V4", "V5", "V6", "V7", "V8", "V9", "F1", "F2", "I1", "I2", "I3", "H1", "H2", "H3"];

function told(course) {
  return el("div", {}, course.trends.map((text) => el("p", {}, text)),
    el("details", {}, el("summary", {}, "What goes together"), course.patterns.map((item) => el("p", {}, el("strong", {}, `${capital(item.lag_text)}: `), item.sentence))));
}

function courseTable(course) {
  const head = ["Session", "Minutes", lengthUnit() === "km" ? "Km" : "Miles", "Climb m", "Heart rate", "Effort", "Load", "Grade", "Before", "During", "After", "Morning", "24 h", "48 h", ...Object.values(GAIT).map(([label]) => label)];
  return el("details", {}, el("summary", {}, "As a table"), stackedTable("Sessions as a table", head, course.sessions.map((item) => el("tr", {}, el("th", { scope: "row" }, when(item.started_at)), el("td", {}, number(item.run_minutes)), el("td", {}, distance(item.distance_m, 1)?.split(" ")[0] ?? "–"), el("td", {}, number(item.climb_m)), el("td", {}, number(item.heart_rate_bpm)), el("td", {}, number(item.session_rpe, 1)), el("td", {}, number(item.load)),
      el("td", {}, `${gradeWord(item.grade)} (${item.rule})`), ["before", "during", "after", "morning", "h24", "h48"].map((name) => el("td", {}, number(item.pain[name]))),
      Object.entries(GAIT).map(([name, [, , factor]]) => el("td", {}, item.gait[name] === null ? "–" : (factor * item.gait[name]).toFixed(1)))))));
}

const SYMBOLS = { circle: "●", "x-thin": "✕", diamond: "◆", "triangle-up": "▲", square: "■", "circle-open": "○", solid: "—", dot: "┄", dash: "╌", longdash: "– –" };

/** What the marks of the picture mean, as words. */
function key(data) {
  return el("p", { class: "strip-key" }, data.filter((item) => item.showlegend !== false && item.x.length).map((item) => {
    const colour = item.marker?.line?.color ?? item.marker?.color ?? item.line?.color;
    const mark = item.type === "bar" ? "▮" : SYMBOLS[item.marker?.symbol ?? item.line?.dash] ?? "●";
    return el("span", { class: "key" }, el("span", { style: `color: ${colour}`, "aria-hidden": "true" }, mark), item.name);
  }));
}

const nextDay = (date) => new Date(Date.parse(`${date}T12:00:00Z`) + 86400000).toISOString().slice(0, 10);

/** Three lanes over one time axis: load below, gait in the middle, pain on top. On a phone lane names go inside. */
function figure(course, metric, narrow = false) {
  const span = [`${course.from_date}T03:00:00`, `${nextDay(course.until_date)}T03:00:00`];
  const colour = themeColours();
  const [label, unit, factor] = GAIT[metric];
  const gait = course.sessions.filter((item) => item.gait[metric] !== null);
  const masked = course.scores.filter((item) => item.masked);
  const plain = course.scores.filter((item) => !item.masked && item.kind !== "morning");
  const mornings = course.scores.filter((item) => item.kind === "morning" && !item.masked);
  const scored = (list, name, symbol, fill, size = 8, hollow = false) => ({
    type: "scatter", mode: "markers", name, x: list.map((item) => item.at), y: list.map((item) => item.score), xaxis: "x", yaxis: "y3",
    marker: { symbol, size, color: hollow ? "rgba(0,0,0,0)" : fill, line: { color: fill, width: 2 } }, text: list.map((item) => words(item.kind)), hovertemplate: "%{x|%a %d %b %H:%M}<br>%{text}: %{y}<extra></extra>",
  });
  const grades = Object.keys(GRADE_SHAPES).map((grade) => {
    const list = course.sessions.filter((item) => item.grade === grade);
    return { type: "scatter", mode: "markers", name: grade === "UNKNOWN" ? "no grade yet" : grade, x: list.map((item) => item.started_at), y: list.map(() => 12.4), xaxis: "x", yaxis: "y3", showlegend: list.length > 0,
      marker: { symbol: GRADE_SHAPES[grade], size: 11, color: { GREEN: colour.good, AMBER: colour.warn, LATE: colour.warn, RED: colour.stop, UNKNOWN: colour["ink-soft"] }[grade] },
      text: list.map((item) => `${gradeWord(item.grade)} (${item.rule})`), hovertemplate: "%{x|%a %d %b}<br>%{text}<extra></extra>" };
  });
  const bars = { type: "bar", name: "minutes run", x: course.sessions.map((item) => item.started_at), y: course.sessions.map((item) => item.run_minutes), width: 16 * 3600 * 1000, xaxis: "x", yaxis: "y", marker: { color: colour.focus }, hovertemplate: "%{x|%a %d %b}<br>%{y:.0f} min run<extra></extra>" };
  const known = course.load_by_day.filter((item) => item.ewma_7d > 0 || item.ewma_28d > 0);
  const average = (key, name, dash) => ({ type: "scatter", mode: "lines", name, x: known.map((item) => item.day), y: known.map((item) => item[key]), xaxis: "x", yaxis: "y4", line: { color: colour["ink-soft"], width: 2, dash }, hovertemplate: "%{x|%a %d %b}<br>%{y:.0f} min × effort<extra></extra>" });
  const line = { type: "scatter", mode: "lines+markers", name: label, x: gait.map((item) => item.started_at), y: gait.map((item) => factor * item.gait[metric]), xaxis: "x", yaxis: "y2", line: { color: colour.pelvis, width: 2 }, marker: { size: 8 }, hovertemplate: `%{x|%a %d %b}<br>%{y:.1f} ${unit}<extra></extra>` };
  // an empty gait lane takes only the room of its sentence
  const [low, middle, top] = gait.length ? [0.26, [0.34, 0.6], 0.68] : [0.38, [0.44, 0.5], 0.58];
  const title = (text) => (narrow ? undefined : { text, standoff: 10 });
  const axis = { gridcolor: colour.line, zerolinecolor: colour.line, linecolor: colour.line, fixedrange: true };
  // tick labels can be any width: the margin follows them
  const upright = { ...axis, automargin: true };
  // drawn as lines of their own, so that the key explains them: the highest score on this side of each
  // a day ends at 03:00, here as everywhere
  const limit = (score, name, dash, ink) => ({ type: "scatter", mode: "lines", name, x: span, y: [score, score], xaxis: "x", yaxis: "y3", line: { color: ink, width: 2, dash }, hoverinfo: "skip" });
  const limits = [limit(course.stop_above, `stop limit: above ${course.stop_above}`, "longdash", colour.stop), limit(course.green_limit, `green limit: up to ${course.green_limit}`, "dash", colour.good)];
  const layout = {
    autosize: true, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", font: { color: colour.ink, family: "system-ui, sans-serif", size: 13 },
    margin: narrow ? { l: 30, r: known.length ? 26 : 8, t: 18, b: 30 } : { l: 52, r: known.length ? 52 : 12, t: 8, b: 30 }, hovermode: "closest", bargap: 0.2, showlegend: !narrow, legend: { orientation: "h", y: -0.1, font: { size: 12 } },
    xaxis: { ...axis, type: "date", nticks: narrow ? 4 : 9, tickformat: "%-d %b", range: span, anchor: "y" },
    yaxis: { ...upright, domain: [0, low], title: title("minutes run"), rangemode: "tozero" },
    ...(known.length ? { yaxis4: { ...upright, overlaying: "y", side: "right", title: title("min × effort"), rangemode: "tozero", showgrid: false, nticks: 4, tickmode: "auto", tickformat: ".0f" } } : {}),
    yaxis2: { ...upright, domain: middle, title: title(unit.split(",")[0]), ...(gait.length ? {} : { range: [0, 1], showticklabels: false, zeroline: false }) },
    yaxis3: { ...upright, domain: [top, 1], title: title("pain"), range: [-0.6, 13.4], tickvals: [0, course.green_limit, course.stop_above, 10, 12.4], ticktext: ["0", course.green_limit, course.stop_above, "10", "grade"] },
    annotations: [
      ...(gait.length ? [] : [{ text: `${label}: no recorded session in this time`, xref: "paper", x: 0.5, yref: "paper", y: (middle[0] + middle[1]) / 2, showarrow: false, font: { color: colour["ink-soft"] } }]),
      ...(narrow ? [["pain, 0–10", 1], ...(gait.length ? [[`${label}, ${unit.split(",")[0]}`, middle[1]]] : []), [known.length ? "minutes run (left), load (right)" : "minutes run", low]].map(([text, y]) => ({ text, xref: "paper", x: 0, xanchor: "left", yref: "paper", y, yanchor: "bottom", showarrow: false, font: { size: 12, color: colour["ink-soft"] } })) : []),
    ],
  };
  const averages = known.length ? [average("ewma_7d", "load, 7 days", "solid"), average("ewma_28d", "load, 28 days", "dot")] : [];
  return [[bars, ...averages, ...(gait.length ? [line] : []), ...limits, scored(plain, "other scores", "diamond", colour["ink-soft"], 6), scored(masked, "with a painkiller", "x-thin", colour["ink-soft"]), scored(mornings, "morning test", "circle", colour.ink, 11, true), ...grades], layout];
}

function ladderCard(ladder) {
  return card("Ladder", ladder.rung ? null : el("p", {}, "No level is advised now."),
    el("ol", { class: "ladder" }, ladder.ladder.map((item) => el("li", { "aria-current": item.here ? "step" : null }, el("strong", {}, item.rung), el("span", {}, item.work), item.here ? el("span", { class: "chip" }, "now") : null))));
}

function adviceCard(ladder) {
  const rows = [...ladder.advice].reverse().slice(0, 30).map((item) => el("tr", {}, el("td", { class: "date" }, when(item.at)), el("td", {}, stateWord(item.state, item.rules)), el("td", {}, item.rung ?? "–"), el("td", {}, item.rules.join(", "))));
  return card("Advice given", rows.length ? stackedTable("Advice given", ["When", "State", "Level", "Rules"], rows) : el("p", {}, "None yet."));
}

function exerciseCard(list) {
  const days = new Map();
  for (const item of list) days.set(item.at.slice(0, 10), [...(days.get(item.at.slice(0, 10)) ?? []), item]);
  const rows = [...days].reverse().map(([day, items]) => items.map((item, place) => el("tr", {}, el("td", { class: "date" }, place ? "" : dayOf(day)), el("td", {}, String(item.phase)),
    el("td", { class: "free" }, [item.name, [item.sets, item.reps].filter(Boolean).join(" × "), item.load_kg ? `${item.load_kg} kg` : ""].filter(Boolean).join(", ")),
    el("td", {}, [item.pain_before, item.pain_during, item.pain_after].map((score) => number(score)).join(" / ")))));
  return card("Strength work, 4 weeks", rows.length ? stackedTable("Strength work", ["Day", "Phase", "Exercise", "Pain before / during / after"], rows) : el("p", {}, "None logged. Tick an exercise on Today."));
}
