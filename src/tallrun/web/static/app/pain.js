// Giving a pain score: eleven buttons, or the whole form.

import { post } from "./api.js";
import { choose, el, field, plainButton, say } from "./dom.js";
import { attempt } from "./states.js";

/** Eleven buttons, 0 to 10; ``choose(score, button)`` is called on a tap. */
export function scoreButtons(question, take) {
  return el("div", { class: "scores", role: "group", "aria-label": question },
    Array.from({ length: 11 }, (_, score) => plainButton(String(score), (event) => take(score, event.currentTarget), { "aria-label": `Pain ${score} of 10` })));
}

const KINDS = [["rest", "Now, not about a run"], ["before", "Before a run"], ["during", "During a run"], ["after", "After a run"], ["morning", "Morning bridge test"], ["h24", "One day after"], ["h48", "Two days after"], ["exercise", "Strength work"]];

/** A dialog with everything a score may say. */
export function openPainForm(done) {
  let chosen = null;
  const kind = choose(KINDS, "rest");
  const at = el("input", { type: "datetime-local" });
  const quality = choose([["", "Not said"], ["ache", "Ache"], ["sharp", "Sharp"], ["burning", "Burning"], ["tingling", "Tingling"]], "");
  const provoked = choose([["", "Not said"], ["sitting", "Sitting"], ["lying", "Lying"], ["level_walking", "Level walking"], ["stairs", "Stairs"]], "");
  const killer = choose([["none", "No"], ["oral", "Tablet"], ["topical", "Cream or gel"], ["injection", "Injection"]], "none");
  const side = choose([["", "My usual side"], ["left", "Left"], ["right", "Right"], ["both", "Both"]], "");
  const fresh = el("input", { type: "checkbox" });
  const trouble = el("div", {});
  const scores = scoreButtons("Pain, 0 to 10", (score, button) => {
    chosen = score;
    for (const other of scores.children) other.setAttribute("aria-pressed", String(other === button));
  });
  const save = el("button", { class: "main" }, "Keep this score");
  const form = el("form", { on: { submit: (event) => { event.preventDefault(); send(); } } },
    el("h2", { id: "pain-head" }, "A pain score"), el("p", {}, "0 is none, 10 the worst you can think of."), scores,
    el("div", { class: "fields" }, field("Which question", kind), field("When", at, "Leave empty for now."), field("How it feels", quality), field("What brought it on", provoked), field("Painkiller in 24 hours", killer), field("Side", side)),
    el("label", { class: "tick" }, fresh, "Yes, this pain is at a new place or side"), trouble,
    el("div", { class: "row" }, save, plainButton("Back", () => dialog.close())));
  const dialog = el("dialog", { "aria-labelledby": "pain-head", on: { close: () => dialog.remove() } }, form);
  async function send() {
    await attempt(save, trouble, async () => {
      if (chosen === null) throw new Error("Choose a score from 0 to 10 first.");
      const kept = await post("/pain", {
        kind: kind.value, score: chosen, at: at.value || null, quality: quality.value || null, provoked_by: provoked.value || null,
        painkiller: killer.value, side: side.value || null, new_place: fresh.checked,
      });
      say(`Noted: ${kept.score} of 10. ${kept.warnings.join(" ")}`);
      dialog.close();
      done();
    });
  }
  document.body.append(dialog);
  dialog.showModal();
}
