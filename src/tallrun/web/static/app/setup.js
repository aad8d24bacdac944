// The first thing to do: say who runs.

import { post } from "./api.js";
import { choose, el, field, lengthUnit, paceNumber, plainButton, speedFrom, when } from "./dom.js";
import { attempt } from "./states.js";

/** Leg length as a share of height, as the engine takes it. */
const LEG_PER_HEIGHT = 0.53;
const ZONES = typeof Intl.supportedValuesOf === "function" ? Intl.supportedValuesOf("timeZone") : [];

/** The empty state of an empty database: one button, then the form. */
export function setupPage(trial, again) {
  const place = el("div", {});
  const start = el("button", { type: "button", class: "main", on: { click: () => { place.replaceChildren(setupForm()); place.querySelector("select").focus(); } } }, "Say who runs");
  place.append(el("section", { class: "empty" },
    el("h2", {}, "Nothing is set up yet"),
    el("p", {}, "First say which side hurts, and a few facts about you. They stay on this computer. It takes two minutes."),
    start));
  if (trial === "offered") place.append(trialOffer(again));
  return place;
}

/** With emulated sensors: everything can be tried at once, as somebody who is not real. */
function trialOffer(again) {
  const trouble = el("div", {});
  return el("section", { class: "empty" },
    el("h2", {}, "Only trying it?"),
    el("p", {}, "Take an invented runner: three weeks of records, a run today, emulated sensors. The invented days lie a few days back, so that the next morning is one tap away."),
    trouble, plainButton("Try with an invented runner", (event) => attempt(event.currentTarget, trouble, async () => { await post("/trial", { do: "begin" }); await again(); }), { id: "try" }));
}

/** Which day an invented runner lives, and the way into the next one. */
export function trialBar(now) {
  const trouble = el("div", {});
  return el("aside", { class: "trial", "aria-label": "Invented runner" },
    el("span", {}, `Invented runner · ${when(now)}`),
    plainButton("To the next morning", (event) => attempt(event.currentTarget, trouble, async () => { await post("/trial", { do: "night" }); location.assign("/today"); }), { id: "night" }), trouble);
}

const paceOf = (speed) => (speed ? paceNumber(speed) : "");

/** Minutes:seconds per km or mile to m/s; null when empty. */
export function speedOf(text) {
  const match = /^(\d{1,2}):([0-5]\d)$/.exec(text.trim());
  if (!text.trim()) return null;
  if (!match) throw new Error(`A pace is minutes and seconds per ${lengthUnit()}, such as 6:30.`);
  return speedFrom(Number(match[1]), Number(match[2]));
}

/** How the morning test looks: a person on the back, hips lifted, one foot or both on the floor. */
function bridgeDrawing(isSingle) {
  const picture = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  picture.setAttribute("viewBox", "0 0 220 96");
  picture.setAttribute("role", "img");
  picture.setAttribute("class", "bridge");
  picture.setAttribute("aria-label", isSingle ? "Single-leg bridge: on the back, one foot on the floor, hips lifted, the other leg straight"
    : "Double-leg bridge: on the back, both feet on the floor, hips lifted");
  const line = (points, width) => {
    const shape = document.createElementNS("http://www.w3.org/2000/svg", "polyline");
    for (const [name, value] of Object.entries({ points, fill: "none", stroke: "currentColor", "stroke-width": width, "stroke-linecap": "round", "stroke-linejoin": "round" })) shape.setAttribute(name, value);
    picture.append(shape);
  };
  line("4,90 216,90", 2);
  line("44,80 112,52 150,36", 9);
  line("150,36 168,84 182,84", 8);
  if (isSingle) line("150,36 206,14", 8);
  line("46,84 92,86", 5);
  const head = document.createElementNS("http://www.w3.org/2000/svg", "circle");
  for (const [name, value] of Object.entries({ cx: 28, cy: 76, r: 11, fill: "currentColor" })) head.setAttribute(name, value);
  picture.append(head);
  return picture;
}

function bridgeHelp(phase) {
  const isSingle = phase === "2" || phase === "3";
  return el("figure", { class: "bridge-help" }, bridgeDrawing(isSingle), el("figcaption", { class: "small" },
    `The morning test of your phase is the ${isSingle ? "single" : "double"}-leg bridge. On your back, knees bent, ${isSingle ? "the foot of the sore side flat, the other leg straight" : "both feet flat"}. ` +
    "Lift your hips until knees, hips and shoulders are in line. Hold for 10 s, then score the pain."));
}

const numberOf = (input) => (input.value.trim() === "" ? null : Number(input.value));
/** Metres of a length of the body; more than three of them were typed in centimetres. */
const metresOf = (input) => { const typed = numberOf(input); return typed > 3 ? typed / 100 : typed; };
/** A pace that cannot be read is told at its own field. */
const checkPace = (input) => {
  let trouble = "";
  try { speedOf(input.value); } catch (problem) { trouble = problem.message; }
  input.setCustomValidity(trouble);
};

/** Today with the screening questions open. A new fragment alone would load nothing. */
function goOnToScreen() {
  history.replaceState(null, "", "/today#screen");
  location.reload();
}

/** Form for the profile; ``known`` fills it in. */
export function setupForm(known = null, saved = goOnToScreen) {
  // No side is chosen beforehand: left and right must never be mixed up by a form.
  const side = choose([["", "Choose"], ["left", "Left"], ["right", "Right"], ["both", "Both sides"]], known?.side ?? "", { required: true });
  const site = el("input", { value: known?.site.replaceAll("_", " ") ?? "sit bone", maxlength: 80, autocomplete: "off", dir: "auto" });
  // a computer on UTC is often one whose time zone nobody has set
  const guessed = Intl.DateTimeFormat().resolvedOptions().timeZone ?? "";
  const isUtc = !known && /^(Etc\/)?(UTC|GMT|UCT|Universal|Zulu)$/.test(guessed);
  const zone = el("input", { value: known?.time_zone ?? (isUtc ? "UTC" : guessed), list: "zones", autocomplete: "off", required: true });
  const zones = el("datalist", { id: "zones" }, ZONES.map((value) => el("option", { value })));
  const born = el("input", { type: "date", value: known?.born_on ?? "" });
  const leg = el("input", { type: "number", step: "0.01", min: "0.3", max: "1.5", value: known?.leg_length_m ?? "", inputmode: "decimal" });
  const height = el("input", { type: "number", step: "0.01", min: "0.5", max: "2.6", value: known?.height_m ?? "", inputmode: "decimal" });
  const mass = el("input", { type: "number", step: "0.5", min: "20", max: "300", value: known?.mass_kg ?? "", inputmode: "decimal" });
  const easy = el("input", { value: paceOf(known?.easy_speed_mps), placeholder: "6:30", inputmode: "numeric", autocomplete: "off" });
  const fast = el("input", { value: paceOf(known?.fast_speed_mps), placeholder: "4:40", inputmode: "numeric", autocomplete: "off" });
  const diagnosed = choose([["", "Leave as it is"], ["clinician", "A clinician"], ["own", "I think so myself"], ["none", "Nobody yet"]], known ? "" : "none");
  const phase = choose([["", known ? "Leave as it is" : "Not sure"], ["1", "1 · holds"], ["2", "2 · heavy and slow"], ["3", "3 · fast loads"]], "");
  const mornings = el("input", { placeholder: "1, 2, 1", autocomplete: "off" });
  const bridge = el("div", {}, bridgeHelp(phase.value));
  phase.addEventListener("change", () => bridge.replaceChildren(bridgeHelp(phase.value)));
  // One measure gives the other, as an estimate that is shown and never kept.
  const guess = el("p", { class: "hint", role: "status" });
  const estimate = () => {
    const [h, l] = [metresOf(height), metresOf(leg)];
    guess.textContent = l && !h ? `Height about ${(l / LEG_PER_HEIGHT).toFixed(2)} m (an estimate).` : h && !l ? `Leg length about ${(h * LEG_PER_HEIGHT).toFixed(2)} m (an estimate).` : "";
  };
  height.addEventListener("input", estimate);
  leg.addEventListener("input", estimate);
  for (const input of [height, leg]) input.addEventListener("change", () => { if (numberOf(input) > 3) input.value = metresOf(input).toFixed(2); });
  for (const input of [easy, fast]) input.addEventListener("input", () => checkPace(input));
  const trouble = el("div", {});
  const save = el("button", { class: "main" }, known ? "Save" : "Save and go on");
  const form = el("form", { class: "card form", on: { submit: (event) => { event.preventDefault(); send(); } } },
    el("h2", {}, "Who runs"),
    el("div", { class: "fields" },
      field("Which side hurts", side), field("Where", site), field("Time zone", zone, isUtc ? "This browser says UTC. Change it where you live by another time, such as Europe/Amsterdam: mornings go by it." : "Such as Europe/Amsterdam"), zones,
      field("Date of birth", born, "The plan is for people of 18 and over."),
      field("Leg length, hip to floor [m]", leg, "For steps a minute that fit your legs."), field("Or your height [m]", height, "Such as 1.78; one of the two is enough."), field("Mass [kg]", mass), guess,
      field(`Usual easy pace [min per ${lengthUnit()}]`, easy), field(`Best pace over 1 km [min per ${lengthUnit()}]`, fast),
      field("Who said what it is", diagnosed), field("Strength phase you are in", phase),
      field("Bridge test, last 3 mornings or more", mornings, "Scores 0–10 with commas. Leave empty to log them from tomorrow on.")),
    bridge, trouble, save);
  async function send() {
    await attempt(save, trouble, async () => {
      await post("/setup", {
        ...(known?.code ? { code: known.code } : {}),
        side: side.value, site: site.value.trim().replaceAll(" ", "_") || null, time_zone: zone.value.trim(), born_on: born.value || null,
        leg_length_m: metresOf(leg), height_m: metresOf(height), mass_kg: numberOf(mass),
        easy_speed_mps: speedOf(easy.value), fast_speed_mps: speedOf(fast.value),
        diagnosed_by: diagnosed.value || null, phase: phase.value ? Number(phase.value) : null,
        morning_scores: mornings.value.split(",").map((part) => part.trim()).filter(Boolean).map(Number),
      });
      saved();
    });
  }
  return form;
}
