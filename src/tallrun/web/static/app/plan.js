// Plan: what the clinician has set, the one change of gait, and whether a planned session fits.

import { get, post } from "./api.js";
import { card, choose, el, field, longDay, number, plainButton, say, when } from "./dom.js";
import { experimentCard } from "./experiment.js";
import { attempt } from "./states.js";
import { stateWord } from "./verdict.js";

const RUNGS = ["V0", "V1", "V2", "V3", "V4", "V5", "V6", "V7", "V8", "V9", "F1", "F2", "I1", "I2", "I3", "H1", "H2", "H3"];
const rungs = (first) => [["", first], ...RUNGS.map((name) => [name, name])];
const value = (input) => (input.value === "" ? null : Number(input.value));

export async function show(body, { again }) {
  const [entries, diagnosis, plans, focus, trial] = await Promise.all([get("/clinician"), get("/diagnosis"), get("/plans"), get("/focus"), get("/experiment")]);
  body.className = "page two";
  body.replaceChildren(
    el("div", { class: "column" }, checkCard(plans, again), focusCard(focus), experimentCard(trial, again)),
    el("div", { class: "column" }, limitsCard(entries, again), diagnosisCard(diagnosis, again)));
}

function checkCard(plans, again) {
  const at = el("input", { type: "datetime-local" });
  const rung = choose(rungs("Free run"), "");
  const minutes = el("input", { type: "number", min: "0", max: "1440", inputmode: "decimal" });
  const km = el("input", { type: "number", min: "0", step: "0.01", inputmode: "decimal" });
  const fastest = el("input", { type: "number", min: "0", max: "45", step: "0.1", inputmode: "decimal" });
  const incline = el("input", { type: "number", min: "-45", max: "45", step: "0.5", inputmode: "decimal" });
  const surface = choose([["", "Not said"], ["treadmill", "Treadmill"], ["road", "Road"], ["trail", "Trail"]], "");
  const place = el("div", { "aria-live": "polite" });
  const trouble = el("div", {});
  const wish = () => ({
    at: at.value || null, rung: rung.value || null, run_minutes: value(minutes), distance_m: km.value === "" ? null : 1000 * Number(km.value),
    fastest_mps: fastest.value === "" ? null : Number(fastest.value) / 3.6, incline_min_pct: value(incline), incline_max_pct: value(incline), surface: surface.value || null,
  });
  const check = el("button", { class: "main" }, "Check against today's advice");
  const form = el("form", { on: { submit: async (event) => {
    event.preventDefault();
    await attempt(check, trouble, async () => {
      place.replaceChildren();
      const given = wish();
      try {
        place.replaceChildren(answer(await post("/plans/check", given)));
      } catch (problem) {
        // with every field empty the server looks for what is written down for today, and names a command when nothing is
        if (problem.code !== "refused" || Object.values(given).some((item) => item !== null)) throw problem;
        throw new Error("Nothing is entered, and nothing is written down for today. Fill in the level or the minutes of running, then check again.");
      }
    });
  } } },
  el("div", { class: "fields" }, field("When", at, "Leave empty for now."), field("Level", rung), field("Minutes of running", minutes), field("Distance [km]", km), field("Fastest speed [km/h]", fastest), field("Incline [%]", incline, "Uphill positive."), field("Surface", surface)),
  trouble, el("div", { class: "row" }, check, plainButton("Write it down", (event) => attempt(event.currentTarget, trouble, async () => {
    await post("/plans", wish());
    say("Planned.");
    await again();
  }))));
  return card("A planned session", form, place,
    el("h3", {}, "Written down"), plans.length ? el("ul", {}, plans.map((plan) => el("li", {}, planLine(plan)))) : el("p", { class: "soft" }, "Nothing is planned. The advice on Today needs no plan."));
}

function planLine(plan) {
  return [when(plan.starts_at), plan.rung ? `level ${plan.rung}` : "free run", plan.run_minutes === null ? null : `${number(plan.run_minutes)} min`, plan.distance_m === null ? null : `${number(plan.distance_m / 1000, 2)} km`,
    plan.speed_mps === null ? null : `up to ${number(plan.speed_mps * 3.6, 1)} km/h`, plan.surface].filter(Boolean).join(", ");
}

function answer(found) {
  const cap = found.cap_m !== null ? `${number(found.cap_m / 1000, 2)} km` : found.cap_minutes !== null ? `${number(found.cap_minutes)} min` : null;
  return el("section", { class: "card verdict", data: { tone: found.accepted ? "go" : "wait" } },
    el("p", { class: "state" }, el("strong", {}, found.accepted ? "✓ Fits" : "✕ Does not fit"), el("span", {}, `today: ${[stateWord(found.state, found.rules), found.rung ? `level ${found.rung}` : null].filter(Boolean).join(", ")}`)),
    found.sentences.map((text) => el("p", {}, text)), cap ? el("p", {}, `The most today: ${cap}.`) : null,
    found.rules.length ? el("p", { class: "small soft" }, `Rules ${found.rules.join(", ")}`) : null);
}

function focusCard(focus) {
  return card("Change of gait", el("p", { class: "lead" }, focus.sentence),
    focus.step ? el("p", {}, `Step: ${focus.step}${focus.session_of_fade ? `, session ${focus.session_of_fade}` : ""}. ${focus.cued ? "Cues are on." : "The next run has no cues."}`) : null,
    el("dl", { class: "facts" },
      el("dt", {}, "cadence target"), el("dd", {}, focus.target_spm === null ? "none: no change of cadence is open" : `${number(focus.target_spm)} steps/min`),
      el("dt", {}, "own cadence at usual speed"), el("dd", {}, focus.own_cadence_spm === null ? `not known (${focus.own_reason})` : `${number(focus.own_cadence_spm)} steps/min`),
      el("dt", {}, "sessions looked at"), el("dd", {}, String(focus.n_sessions))),
    el("p", { class: "small soft" }, `Rule ${focus.rule}. Order: cadence, then tall, then tilt; one at a time. Pain comes before gait.`));
}

function limitsCard(entries, again) {
  const trouble = el("div", {});
  const held = entries.filter((item) => item.in_force);
  const past = entries.filter((item) => !item.in_force);
  const row = (item) => el("li", { class: "rule" }, el("code", {}, item.in_force ? "holds" : "ended"), el("div", {}, el("p", { class: "free" }, item.words || "note"), el("p", { class: "small soft free" }, `${longDay(item.at)} · ${item.entered_by}`),
    item.in_force ? plainButton("End it", (event) => attempt(event.currentTarget, trouble, async () => { await post(`/clinician/${item.clinician_id}/end`); say("Ended."); await again(); }), { class: "link", "aria-label": `End: ${item.words}` }) : null));
  return card("Clinician's limits", trouble, held.length ? el("ul", {}, held.map(row)) : el("p", { class: "soft" }, "No limit is set. The plan's own numbers hold."),
    past.length ? el("details", {}, el("summary", {}, `Ended (${past.length})`), el("ul", {}, past.map(row))) : null,
    el("details", {}, el("summary", {}, "Add an entry"), entryForm(again)));
}

function entryForm(again) {
  const by = el("input", { maxlength: 80, required: true, autocomplete: "name", dir: "auto" });
  const until = el("input", { type: "date" });
  const cap = choose(rungs("No limit"), "");
  const permits = choose(rungs("Nothing above I1"), "");
  const green = choose([["", "As the plan"], ...[0, 1, 2, 3, 4, 5].map((score) => [String(score), `up to ${score}`])], "");
  const step = choose([["", "As the plan"], ["cadence", "Cadence"], ["tall", "Run tall"], ["tilt", "Tilt"]], "");
  const rise = el("input", { type: "number", min: "0.5", max: "10", step: "0.5", inputmode: "decimal" });
  const hold = el("input", { type: "checkbox" });
  const clears = el("input", { type: "checkbox" });
  const note = el("textarea", { maxlength: 2000, dir: "auto" });
  const trouble = el("div", {});
  const save = el("button", { class: "main" }, "Keep the entry");
  return el("form", { on: { submit: async (event) => {
    event.preventDefault();
    await attempt(save, trouble, async () => {
      await post("/clinician", {
        entered_by: by.value, expires_on: until.value || null, cap: cap.value || null, permits_rung: permits.value || null, green_limit: value(green), first_gait_step: step.value || null,
        max_cadence_rise_pct: value(rise), hold: hold.checked, clears: clears.checked, note: note.value,
      });
      say("Kept.");
      await again();
    });
  } } },
  el("p", { class: "soft" }, "An entry may tighten anything, and raise the green limit to at most 5. Scores above 5 stop a run whatever is entered."),
  el("div", { class: "fields" }, field("Name of the clinician", by), field("Last day it holds", until, "Empty: until it is ended."), field("Highest level", cap), field("Permit levels up to", permits), field("Green limit", green), field("First change of gait", step), field("Cadence at most above own [%]", rise)),
  el("label", { class: "tick" }, hold, "No running until this ends"), el("label", { class: "tick" }, clears, "Clears earlier referrals and stops"),
  field("Note", note), trouble, save);
}

function diagnosisCard(diagnosis, again) {
  const by = el("input", { maxlength: 80, required: true, dir: "auto" });
  const text = el("textarea", { maxlength: 2000, required: true, dir: "auto" });
  const trouble = el("div", {});
  const save = el("button", { class: "main" }, "Keep");
  return card("Diagnosis on record", diagnosis
    ? [el("p", { class: "free" }, diagnosis.text || "No words were given."), el("p", { class: "small soft" }, `${longDay(diagnosis.at)} · ${diagnosis.by_clinician ? "by a clinician" : "the runner's own guess, which opens nothing"}`)]
    : el("p", {}, "None. Without one by a doctor or physio the level stops at F2."),
  el("details", {}, el("summary", {}, "A clinician enters it"), el("form", { on: { submit: async (event) => {
    event.preventDefault();
    await attempt(save, trouble, async () => { await post("/diagnosis", { entered_by: by.value, text: text.value }); say("Kept."); await again(); });
  } } }, field("Name of the clinician", by), field("In words", text), trouble, save)));
}
