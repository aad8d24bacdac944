// The screening questions: yes, no, or not answered; an open one never counts as no.

import { get, post } from "./api.js";
import { el, longDay, plainButton, say } from "./dom.js";
import { attempt, failure, skeleton } from "./states.js";

export async function openScreen(done) {
  const place = el("div", {}, skeleton(4));
  const dialog = el("dialog", { "aria-labelledby": "screen-head", on: { close: () => dialog.remove() } }, el("h2", { id: "screen-head" }, "Screening questions"), place);
  document.body.append(dialog);
  dialog.showModal();
  try {
    const screen = await get("/screen");
    place.replaceChildren(form(screen, dialog, done));
  } catch (problem) {
    place.replaceChildren(failure(problem), plainButton("Back", () => dialog.close()));
  }
}

function form(screen, dialog, done) {
  const trouble = el("div", {});
  const save = el("button", { class: "main" }, "Keep the answers");
  const questions = screen.questions.map((question) => el("fieldset", {}, el("legend", {}, question.text),
    el("span", {}, [["yes", "Yes"], ["no", "No"]].map(([value, text]) => el("label", {}, el("input", { type: "radio", name: question.id, value }), text)))));
  const feels = ["ache", "sharp", "burning", "tingling"].map((value) => el("label", {}, el("input", { type: "checkbox", name: "quality", value, checked: screen.qualities.includes(value) }), value));
  const box = el("form", { on: { submit: (event) => { event.preventDefault(); send(); } } },
    el("p", { class: "soft" }, screen.at ? `Last answered ${longDay(screen.at)}.` : "Not answered yet.", " A yes can lead to a referral in place of advice. A question left open keeps the plan careful."),
    el("div", { class: "answers" }, questions, el("fieldset", {}, el("legend", {}, "How does it feel now?"), el("span", {}, feels))),
    trouble,
    el("div", { class: "row" }, save, plainButton("No to all that are open", () => {
      for (const question of screen.questions) {
        if (!box.elements[question.id].value) box.elements[question.id].value = "no";
      }
    }), plainButton("Back", () => dialog.close())));
  async function send() {
    await attempt(save, trouble, async () => {
      const answers = Object.fromEntries(screen.questions.map(({ id }) => [id, { yes: true, no: false }[box.elements[id].value] ?? null]));
      const qualities = [...box.querySelectorAll("input[name=quality]:checked")].map((input) => input.value);
      const kept = await post("/screen", { answers, qualities });
      say(kept.unanswered.length ? `Noted. ${kept.unanswered.length} questions are still open.` : "Noted. Every question is answered.");
      dialog.close();
      done();
    });
  }
  return box;
}
