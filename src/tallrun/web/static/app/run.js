// A run from the phone, step by step. The computer keeps the step: this page only shows it and sends what is tapped.

import { get, post, runner } from "./api.js";
import { card, choose, el, field, plainButton, say, svg } from "./dom.js";
import { attempt } from "./states.js";
import { RunQuestions } from "./today.js";
import { verdictCard } from "./verdict.js";

const BUSY_MS = 500;
const CALM_MS = 2000;
const STEPS = { sensors: 1, feet: 2, still: 3, ready: 4 };
const NAMES = { foot_left: "left", foot_right: "right", pelvis: "pelvis", trunk: "pelvis" };

export async function show(body, { heading }) {
  heading.textContent = "Run";
  await new RunPage(body, heading).begin();
}

class RunPage {
  constructor(body, heading) {
    this.body = body;
    this.heading = heading;
    this.shown = null;
    this.step = null;
  }

  async begin() {
    await this.look();
    this.wait();
  }

  wait() {
    setTimeout(async () => {
      if (!this.body.isConnected) return;
      try { await this.look(); } catch { this.lost(); }
      this.wait();
    }, this.state?.doing || ["running", "saving"].includes(this.state?.step) ? BUSY_MS : CALM_MS);
  }

  /** No answer: say so, and keep what is shown; the next look goes on by itself. */
  lost() {
    if (document.getElementById("run-lost")) return;
    this.body.prepend(el("p", { id: "run-lost", class: "notice", role: "status" }, "The computer does not answer just now. This page goes on by itself as soon as it does."));
    this.shown = null;
  }

  async look() {
    await this.draw(await get("/run"));
  }

  async draw(state) {
    this.state = state;
    const told = JSON.stringify(state);
    if (told === this.shown) return;
    if (state.step === "running") { location.assign("/live"); return; }
    const isNew = this.step !== null && this.step !== state.step;
    const focused = document.activeElement?.id;
    const view = await this[state.step]();
    this.shown = told;
    this.step = state.step;
    this.body.className = "page run";
    this.body.dataset.step = state.step;
    this.body.replaceChildren(...view.filter(Boolean));
    if (isNew) this.body.querySelector("h2")?.setAttribute("tabindex", "-1");
    if (isNew) this.body.querySelector("h2")?.focus();
    else if (focused) document.getElementById(focused)?.focus();
    if (isNew || state.problem) say(state.problem ?? this.body.querySelector("h2")?.textContent ?? "");
  }

  /** Send a tap and show what it led to; a refusal stands beside the button. */
  async send(button, path, given, trouble = this.trouble) {
    await attempt(button, trouble, async () => {
      const state = await post(path, given);
      await this.draw(state);
    });
  }

  step_(text, action, props = {}) {
    return plainButton(text, (event) => this.send(event.currentTarget, "/run/step", typeof action === "string" ? { do: action } : action), { disabled: Boolean(this.state.doing), ...props });
  }

  /** The next step, from the one that is shown: tapped twice it is gone on once. */
  onward() {
    return { do: "go_on", leaves: this.state.step };
  }

  /** What is begun, in a word. */
  what() {
    return this.state.is_walk ? "walk" : "run";
  }

  /** A step before the run: its place in the row, what is going on, what failed, its buttons. */
  page(title, content, buttons) {
    const { state } = this;
    this.trouble = el("div", { class: "trouble" });
    return [card(title,
      el("p", { class: "small soft" }, `Step ${STEPS[state.step]} of 4${state.is_emulated ? " · emulated sensors" : ""}`), content,
      state.doing ? el("p", { class: "doing", role: "status" }, `${state.doing} …`) : null,
      state.problem ? el("p", { class: "failure", role: "alert" }, state.problem) : null, this.trouble,
      el("div", { class: "row" }, buttons.filter(Boolean))),
    el("div", { class: "row" }, this.step_("Leave", "leave", { class: "link", disabled: false })),
    state.notices.length ? el("ul", { class: "small soft" }, state.notices.map((text) => el("li", {}, text))) : null];
  }

  async idle() {
    const today = await get("/today");
    const trouble = el("div", { class: "trouble" });
    const surface = choose([["", "Not said"], ["treadmill", "Treadmill"], ["road", "Road"], ["track", "Track"], ["trail", "Trail"]], "", { id: "surface" });
    const speed = el("input", { id: "belt", type: "number", min: "1", max: "25", step: "0.1", inputmode: "decimal" });
    const given = () => ({ surface: surface.value || null, speed_kmh: speed.value ? Number(speed.value) : null, runner: runner() || null });
    const { state, offers_walk: isWalk } = today.verdict;
    const isRun = state === "RUN";
    const length = el("input", { id: "walk-minutes", type: "number", min: "1", max: "600", step: "1", inputmode: "numeric", placeholder: "30" });
    const begin = (text, wish, props) => plainButton(text, (event) => this.send(event.currentTarget, "/run/start", { ...given(), ...wish() }, trouble), props);
    const main = isRun ? begin("Start", () => ({}), { id: "start", class: "main" })
      : isWalk ? begin("Record a walk", () => ({ walk: true, minutes: length.value ? Number(length.value) : null }), { id: "start", class: "main" }) : null;
    const insist = isRun ? null : begin("Record a run without cues all the same", () => ({ against_advice: true }), { id: "insist" });
    const more = el("details", {}, el("summary", {}, isWalk ? "Minutes, surface, belt speed" : "Surface, belt speed"), el("div", { class: "fields" },
      isWalk ? field("Minutes of the walk", length, "30 when nothing is said.") : null, field("Surface", surface), field("Belt speed, km/h", speed, "Only when no treadmill tells it.")));
    return [verdictCard(today.verdict),
      main ? card(isRun ? "Run with sensors" : "Walk with sensors", trouble, el("div", { class: "row" }, main), more) : null,
      insist ? card("A run now is against your plan", main ? null : trouble, el("div", { class: "row" }, insist), main ? null : more) : null, await anotherPhone()];
  }

  async sensors() {
    const { state } = this;
    const list = state.sensors.map((item) => el("li", { class: "sensor" }, badge(item), el("div", {},
      el("p", {}, el("strong", {}, item.name), ` ${item.is_heard === null ? "" : item.is_heard ? "✓ heard" : "✗ not heard: switch it on, bring it near"}`),
      el("p", { class: "small soft" }, facts(item)), item.is_low ? el("p", { class: "notice" }, "Its battery may not last this run.") : null),
    this.step_("Unpair", { do: "unpair", placement: item.placement }, { class: "link", "aria-label": `Unpair: ${item.name}` })));
    const others = state.others.map((item) => el("li", { class: "found" },
      el("p", {}, el("strong", { class: "free" }, item.name), " ", el("span", { class: "small soft" }, [facts(item), item.emulates ? `emulates: ${item.emulates.toLowerCase()}` : null].filter(Boolean).join(" · "))),
      item.places.length ? el("div", { class: "row", role: "group", "aria-label": `Where is ${item.name} worn?` }, item.places.map((place) => this.step_(place.name, { do: "pair", placement: place.placement, address: item.address }))) : el("p", { class: "small soft" }, "Every place it could be worn at is taken.")));
    return this.page("Sensors", [
      el("p", {}, state.lines[0]), state.lines.slice(1).map((text) => el("p", { class: "small soft" }, text)),
      wearing(), list.length ? el("ul", { class: "sensors" }, list) : el("p", {}, "No sensor is paired yet."),
      others.length ? [el("h3", {}, "Found: where is each worn?"), el("p", { class: "small soft" }, "Not sure which foot? Choose one: the next step finds out. Not sure which one is for the back? Switch on that one alone, and tap Look again."), el("ul", { class: "sensors" }, others)] : null,
      !state.doing && !others.length && !list.length ? el("p", {}, "None was heard. Switch the sensors on and bring them near.") : null,
    ], [state.sensors.length ? this.step_("Go on", this.onward(), { id: "go-on", class: "main" }) : null, this.step_("Look again", "listen", { id: "listen" })]);
  }

  async feet() {
    return this.page("Left and right", [footLift(), el("p", { class: "lead" }, "Stand on both feet. Tap, then lift the left foot, shake it a little, and put it down.")],
      [this.step_("Check my feet", "check_feet", { id: "check-feet", class: "main" }), this.step_("Go on without", this.onward(), { id: "go-on" })]);
  }

  async still() {
    const failed = this.state.still.filter((row) => !row.passed);
    const feet = { right: "✓ Left and right are where you said.", swapped: "✓ Left and right were swapped; they are changed over." }[this.state.feet];
    return this.page("Stand still", [feet ? el("p", {}, feet) : null,
      el("p", { class: "lead" }, `Upright, feet under the hips, ${this.state.stand_s}\u00a0s. It begins once the sensors are connected.`),
      failed.length ? el("ul", {}, this.state.still.map((row) => el("li", {}, row.passed ? `✓ ${row.name}` : `✗ ${row.name}: ${row.reason}`))) : null,
      failed.length ? el("p", {}, "Without it, pelvic tilt is not told, and straps that moved are not noticed.") : null,
    ], [this.step_(failed.length ? "Stand again" : "I stand still", "stand", { id: "stand", class: "main" }), this.step_("Go on without", this.onward(), { id: "go-on" })]);
  }

  async ready() {
    const { state } = this;
    const moved = state.still.filter((row) => row.strap_moved_deg !== null);
    const runs = state.parts.filter(([kind]) => kind === "run");
    return this.page(state.is_pairing ? "Sensors are ready" : "Ready", [
      state.still.length ? el("p", { class: "lead" }, "✓ You stood still: every sensor passed.") : el("p", { class: "lead" }, "Without the standing check."),
      moved.map((row) => el("p", { class: "notice" }, `${row.name}: tilted by ${Math.round(row.strap_moved_deg)}° against last time. Was the strap moved?`)),
      runs.length ? el("p", {}, partWords(state.parts)) : state.is_walk ? el("p", {}, `Walk ${minutes(state.parts[0][1])}, easy and level.`) : null,
      state.is_pairing ? null : el("p", {}, "Put the phone where you see it. On the next page tap Sound check once; then walk off."),
    ], [state.is_pairing ? this.step_("Done", "leave", { id: "done", class: "main" }) : this.step_(`Start the ${this.what()}`, "run", { id: "run", class: "main" }), this.step_("Stand again", "stand", { id: "stand" }), this.step_("Sensors", "listen", { id: "listen" })]);
  }

  async saving() {
    return [card(`Saving the ${this.what()}`, el("p", { class: "doing", role: "status" }, `The ${this.what()} has ended. Its numbers are being worked out …`))];
  }

  async after() {
    const { state } = this;
    this.trouble = el("div", { class: "trouble" });
    const questions = new RunQuestions(el("div", { class: "column" }));
    await questions.load();
    return [card(`After the ${this.what()}`, state.problem ? el("p", { class: "failure", role: "alert" }, state.problem) : null,
      el("dl", { class: "facts" }, state.rows.map(({ name, value }) => [el("dt", {}, name), el("dd", {}, value)])),
      el("ul", {}, state.said.map((text) => el("li", {}, text))),
      state.session_id ? el("div", { class: "row" }, el("a", { class: "button", id: "report", href: `/report/${encodeURIComponent(state.session_id)}` }, "Open the report")) : null),
    questions.body, this.trouble,
    el("div", { class: "row" }, plainButton("Done", (event) => attempt(event.currentTarget, this.trouble, async () => { await post("/run/step", { do: "leave" }); location.assign("/today"); }), { id: "done", class: "main" }))];
  }
}

const facts = (item) => [`battery ${item.battery_pct === null ? "not known" : `${Math.round(item.battery_pct)} %`}`, `signal ${item.signal ?? "not known"}`].join(" · ");
const badge = (item) => el("span", { class: "place", data: { side: NAMES[item.placement] ?? "other" }, "aria-hidden": "true" }, item.letter);
const minutes = (seconds) => `${Number((seconds / 60).toFixed(1))} min`;

function partWords(parts) {
  const runs = parts.filter(([kind]) => kind === "run");
  const walk = parts.find(([kind]) => kind === "walk");
  const [first, last] = [parts[0], parts.at(-1)];
  return `${first[0] === "warm_up" ? `Walk ${minutes(first[1])} first, then ` : ""}${runs.length} × (run ${minutes(runs[0][1])}${walk ? `, walk ${minutes(walk[1])}` : ""})${last[0] === "cool_down" ? `, then walk ${minutes(last[1])}` : ""}.`;
}

/** Where each sensor goes: a shoe from the side, and a back. */
function wearing() {
  const shoe = svg("svg", { viewBox: "0 0 200 110", role: "img", "aria-label": "A shoe from the side, toes to the right: the sensor sits flat on the laces" },
    svg("path", { d: "M18 28 L62 28 Q70 58 104 62 L160 70 Q186 76 186 94 L18 94 Z", fill: "none", stroke: "currentColor", "stroke-width": 5, "stroke-linejoin": "round" }),
    svg("rect", { x: 84, y: 40, width: 40, height: 16, rx: 4, fill: "var(--focus)", transform: "rotate(20 104 48)" }),
    svg("path", { d: "M136 34 h34 m-10 -8 l10 8 l-10 8", fill: "none", stroke: "currentColor", "stroke-width": 4 }));
  const back = svg("svg", { viewBox: "0 0 200 110", role: "img", "aria-label": "A back from behind: the sensor sits in the middle, on the bone above the belt" },
    svg("path", { d: "M58 6 Q66 44 52 66 Q46 88 50 106 M142 6 Q134 44 148 66 Q154 88 150 106 M50 74 H150", fill: "none", stroke: "currentColor", "stroke-width": 5, "stroke-linecap": "round" }),
    svg("rect", { x: 80, y: 48, width: 40, height: 24, rx: 5, fill: "var(--focus)" }));
  return el("details", { class: "wearing" }, el("summary", {}, "Where each one goes"),
    el("div", { class: "drawings" }, el("figure", {}, shoe, el("figcaption", {}, "One on the laces of each shoe, flat and tight, left and right alike.")),
      el("figure", {}, back, el("figcaption", {}, "One in the middle of the low back, on the bone, under a tight belt."))),
    el("p", { class: "small" }, "Any way round: which way it sits is learnt from your first steps. Tight matters: it must not slide or turn while you run."));
}

function footLift() {
  return svg("svg", { viewBox: "0 0 200 120", role: "img", class: "lift", "aria-label": "Two feet from behind: the left one is lifted" },
    svg("path", { d: "M30 116 H170", stroke: "currentColor", "stroke-width": 4 }),
    svg("rect", { x: 118, y: 84, width: 34, height: 30, rx: 9, fill: "none", stroke: "currentColor", "stroke-width": 5 }),
    svg("rect", { x: 48, y: 48, width: 34, height: 30, rx: 9, fill: "var(--left)" }),
    svg("path", { d: "M65 40 V12 m-10 10 l10 -10 l10 10", fill: "none", stroke: "currentColor", "stroke-width": 5 }),
    svg("text", { x: 65, y: 69, "text-anchor": "middle", fill: "var(--paper)", "font-weight": 700, "font-size": 18 }, "L"),
    svg("text", { x: 135, y: 105, "text-anchor": "middle", fill: "currentColor", "font-weight": 700, "font-size": 18 }, "R"));
}

/** The code for one more phone, folded away; nothing on this computer alone. */
export async function anotherPhone() {
  const door = await get("/door");
  if (!door.pair_url) return null;
  return el("section", { "aria-label": "Another phone" }, el("details", {}, el("summary", {}, "Another phone: show its code"),
    el("p", {}, "Scan this with the other phone, on the same Wi-Fi. It works once; then a new one is shown here."),
    el("img", { class: "qr", src: door.qr, alt: `Code for ${door.pair_url}` }), el("p", { class: "small free" }, door.pair_url)));
}
