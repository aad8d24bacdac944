// The verdict as words and as a card: what a state is called, which tone it may have, what stands in the biggest print.

import { el, when, words } from "./dom.js";

const STATES = {
  RUN: ["✓", "Run today", "go"],
  WALK: ["✓", "Walk today", "go"],
  REST_DAY: ["◐", "Rest day", "wait"],
  REST48: ["■", "Rest 48 hours", "wait"],
  LOG_FIRST: ["○", "Log first", "wait"],
  CLINICIAN: ["■", "Ask your clinician first", "stop"],
  REFER: ["■", "See a doctor", "stop"],
};
/** How soon a referral wants to be seen, most urgent first: the words that stand for REFER. */
const URGENCY = [
  ["SC1", "Go to an emergency department now"],
  ["SC2", "Call emergency help now"],
  ["SC3", "See a doctor today"],
  ["SC4", "See a doctor today"],
  ["SC5", "See a doctor within days"],
  ["SC6", "See a doctor within days"],
];
/** States that must be heard at once. */
const ALARMS = ["REFER", "REST48"];

/** Mark, words and tone of a state. Only a run, and a walk that is simply the plan's (TD5), may look like "go". */
export function stateOf(state, rules = []) {
  const [mark, word, tone] = STATES[state] ?? ["○", words(state), "wait"];
  if (state === "WALK" && (rules.includes("TD2") || !rules.includes("TD5"))) return ["◐", "Walk, no run", "wait"];
  if (state === "REFER") return [mark, URGENCY.find(([rule]) => rules.includes(rule))?.[1] ?? word, tone];
  return [mark, word, tone];
}

/** Words of a state, the same on every page. */
export const stateWord = (state, rules) => stateOf(state, rules)[1];

/** What of a verdict would be seen to have changed. */
export const sight = (verdict) => [...stateOf(verdict.state, verdict.rules), verdict.rung].join(" ");

/** Bring the card into sight and its heading to the ears. */
export function goToVerdict(body) {
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  body.querySelector("#verdict-head").focus({ preventScroll: true });
  body.querySelector(".verdict").scrollIntoView({ behavior: calm ? "auto" : "smooth", block: "start" });
}

/** Which score or event stands behind a day without a run; null where the first sentence says it already. */
function cause(verdict) {
  const pain = verdict.inputs.pain_today;
  if (verdict.rules.includes("TD3") && pain !== null) return `Pain today was ${pain} of 10. That is well above your usual morning.`;
  if (verdict.state !== "REST48") return null;
  return verdict.reasons.find((item) => item.rule === "TD1" || item.rule === "HD3")?.text ?? null;
}

/** The sentences that say what today is; what the heading of a referral says already is not said twice. */
function leads(verdict, word) {
  const said = verdict.sentences.slice(0, verdict.n_lead);
  return [...said.map((text) => (text.startsWith(`${word}. `) ? text.slice(word.length + 2) : text)), cause(verdict)];
}

export function verdictCard(verdict) {
  const [mark, word, tone] = stateOf(verdict.state, verdict.rules);
  const head = el("h2", { id: "verdict-head", class: "state", tabindex: "-1" },
    el("strong", {}, el("span", { "aria-hidden": "true" }, `${mark} `), word), verdict.rung ? el("span", {}, `level ${verdict.rung}`) : null);
  const said = leads(verdict, word).filter(Boolean).map((text) => el("p", { class: "lead" }, text));
  return el("section", { class: "card verdict", data: { tone, state: verdict.state }, "aria-labelledby": "verdict-head" },
    el("div", { role: ALARMS.includes(verdict.state) ? "alert" : null }, head, said),
    verdict.reason && verdict.state !== "CLINICIAN" ? el("p", {}, verdict.reason) : null,
    dose(verdict), wayOut(verdict),
    verdict.news.map((text) => el("p", { class: "notice" }, text)),
    el("details", { id: "why" }, el("summary", {}, "Why"),
      verdict.reasons.map((item) => el("div", { class: "rule" }, el("code", {}, item.rule), el("span", {}, item.text), item.sources.map((source) => el("p", { class: "small" }, source)))),
      verdict.looked_at.length ? [el("h3", {}, "Looked at"), el("dl", { class: "facts" }, verdict.looked_at.map((item) => [el("dt", {}, item.what), el("dd", {}, item.value)]))] : null,
      el("h3", {}, "What would change it"), el("p", {}, verdict.changes_if),
      verdict.notices.length ? [el("h3", {}, "Also"), el("ul", {}, verdict.notices.map((text) => el("li", {}, text)))] : null,
      el("p", { class: "small soft" }, `Holds until ${when(new Date(new Date(verdict.valid_until) - 1000))}. Rules: ${verdict.protocol.name} ${verdict.protocol.version} (${verdict.protocol.sha256.slice(0, 12)}).`)));
}

const MARKS = new Map([[true, ["✓", "met"]], [false, ["✗", "not yet"]], [null, ["?", "not known yet"]]]);
const WHO = { runner: "you", time: "time", clinician: "physio or doctor" };

/** What a run still needs, and folded away what holds already: a day without a run must not look like a go. */
function wayOut(verdict) {
  if (!verdict.way_out.length) return null;
  const line = (item) => {
    const [mark, word] = MARKS.get(item.met);
    const later = item.earliest && new Date(item.earliest) > new Date(verdict.as_of) ? `, ${when(item.earliest)} at the earliest` : "";
    return el("li", { data: { met: word } }, el("span", { role: "img", "aria-label": `${word}: ` }, `${mark} `), item.text,
      item.action ? el("span", { class: "small soft" }, ` ${item.action} (${WHO[item.who]}${later})`) : null);
  };
  const met = verdict.way_out.filter((item) => item.met === true);
  const open = verdict.way_out.filter((item) => item.met !== true);
  const list = el("ul", {}, open.map(line));
  const title = "What a run needs";
  // What is to be logged stands right below as questions; on a phone they come first.
  const isFolded = verdict.state === "LOG_FIRST" && open.length && matchMedia("(max-width: 620px)").matches;
  if (isFolded) return el("details", { class: "way-out", id: "needs" }, el("summary", {}, `${title}: ${open.length} to go`), list, el("ul", {}, met.map(line)));
  return el("div", { class: "way-out" }, el("h3", {}, title), list,
    met.length ? el("details", { id: "held" }, el("summary", {}, `${met.length} more, met already`), el("ul", {}, met.map(line))) : null);
}

function dose(verdict) {
  if (!verdict.dose.length) return null;
  const of = (mode) => verdict.dose.filter((part) => part.mode === mode).reduce((sum, part) => sum + part.minutes, 0);
  const told = [["run", of("run")], ["walk", of("walk")]].filter(([, minutes]) => minutes > 0);
  const text = told.map(([mode, minutes]) => `${minutes} min ${mode}`).join(", ");
  return el("div", {},
    el("div", { class: "dose", role: "img", "aria-label": `Dose in blocks: ${text}` }, verdict.dose.map((part) => {
      const block = el("i", { class: `${part.mode}-block` });
      block.style.flexGrow = part.minutes;
      return block;
    })),
    el("p", {}, told.map(([mode, minutes]) => el("span", { class: "key" }, el("i", { class: `${mode}-block` }), `${mode} ${minutes} min`))));
}
