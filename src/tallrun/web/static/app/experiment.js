// A trial of one runner: open it, see how the next run is run, say whether it was, close it.

import { post } from "./api.js";
import { card, choose, el, field, plainButton, say } from "./dom.js";
import { attempt } from "./states.js";

export function experimentCard(trial, again) {
  const trouble = el("div", {});
  const send = (button, path, body, told) => attempt(button, trouble, async () => { await post(path, body); say(told); await again(); });
  const isOn = ["open", "waiting", "ended", "finished"].includes(trial.state);
  return card("Which of two ways suits you?", trouble,
    trial.state === "none" ? null : el("p", { class: "free" }, el("strong", {}, `${trial.way_a} or ${trial.way_b}`), `, at level ${trial.rung}, ${trial.n_pairs} pairs of runs`),
    trial.state === "none" ? el("p", {}, "No trial is open. In one you run in two ways by turns, in an order drawn beforehand, and your mornings are compared.") : trial.sentences.map((text) => el("p", { class: "free" }, text)),
    trial.state === "open" ? el("div", { class: "row", role: "group", "aria-label": "Was your last run as the trial asked?" }, el("span", {}, "Was your last run as the trial asked?"),
      [[true, "Yes"], [false, "No"]].map(([yes, text]) => plainButton(text, (event) => send(event.currentTarget, "/experiment/run", { as_told: yes }, "Noted.")))) : null,
    isOn ? plainButton(trial.state === "finished" ? "Close it" : "End the trial", (event) => send(event.currentTarget, "/experiment/close", {}, "The trial is closed."), trial.state === "finished" ? { class: "main" } : {}) : openForm(send),
    trial.seal ? el("details", {}, el("summary", {}, "The sealed order"),
      el("p", { class: "small free" }, `Seal: ${trial.seal}`), trial.order ? el("p", { class: "small free" }, `Order: ${trial.order} · key: ${trial.key}`) : el("p", { class: "small soft" }, "The order and its key are told when the trial is over."),
      trial.visa_h ? el("p", { class: "small" }, `VISA-H before: ${trial.visa_h.before ?? "no form"}, since: ${trial.visa_h.since ?? "no form"}. It is not part of the answer.`) : null) : null);
}

function openForm(send) {
  const by = el("input", { maxlength: 80, dir: "auto" });
  const a = el("input", { value: "own cadence", maxlength: 80, required: true, dir: "auto" });
  const b = el("input", { value: "cued cadence", maxlength: 80, required: true, dir: "auto" });
  const wash = choose([0, 1, 2, 3].map((n) => [String(n), String(n)]), "0");
  const worth = choose([["0.5", "half a point"], ["1", "1 point"], ["2", "2 points"]], "1");
  const save = el("button", { class: "main" }, "Fix and seal it");
  return el("details", {}, el("summary", {}, "Open a trial"), el("form", { on: { submit: (event) => {
    event.preventDefault();
    send(save, "/experiment", { entered_by: by.value.trim() || "runner", way_a: a.value, way_b: b.value, washout_runs: Number(wash.value), worthwhile: Number(worth.value) }, "The trial is open.");
  } } },
  el("p", { class: "soft" }, "The level, the minutes and the number of runs follow from your records. Pain and the plan come before the trial."),
  el("div", { class: "fields" }, field("Name of the clinician", by, "Empty: the runner. A runner alone tries cued against own cadence only."), field("First way", a), field("Second way", b),
    field("Runs to get used to each change", wash), field("Difference worth finding", worth)), save));
}
