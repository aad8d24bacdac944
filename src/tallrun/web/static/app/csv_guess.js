// A table of sensor values: what it seems to hold, what is asked, and the command that imports it. Nothing is kept here.

import { postFile } from "./api.js";
import { choose, el, field, plainButton, say } from "./dom.js";
import { attempt } from "./states.js";

const MOST_BYTES = 900 * 1024;
const PLACES = [["", "Choose"], ["foot_left", "Left foot"], ["foot_right", "Right foot"], ["pelvis", "Pelvis"], ["trunk", "Trunk"]];

/** The beginning of a file, up to a whole line. */
async function start(file) {
  const part = new Uint8Array(await file.slice(0, MOST_BYTES).arrayBuffer());
  const wide = (part[0] === 0xff && part[1] === 0xfe) || (part[0] === 0xfe && part[1] === 0xff);
  if (file.size <= MOST_BYTES || wide) return part;
  const end = part.lastIndexOf(10);
  return end < 0 ? part : part.slice(0, end + 1);
}

/** The form, closed until it is wanted. */
export function csvForm() {
  const told = el("div", { class: "column", "aria-live": "polite" });
  const trouble = el("div", {});
  const file = el("input", { type: "file", accept: ".csv,.txt,.tsv,text/csv" });
  const look = plainButton("Look at it", (event) => attempt(event.currentTarget, trouble, async () => {
    told.replaceChildren();
    const chosen = file.files[0];
    if (!chosen) {
      trouble.replaceChildren(el("p", {}, "Choose a file first."));
      file.focus();
      return;
    }
    const guess = await postFile("/tables/guess", await start(chosen), { name: chosen.name });
    told.replaceChildren(...answer(guess, chosen.size > MOST_BYTES));
    say(guess.asked.length ? `${guess.asked.length} questions` : "All of it was understood");
  }));
  return el("details", { class: "card" },
    el("summary", {}, "A table of sensor values (CSV)"),
    el("p", {}, "Says what a file of another maker seems to hold, and the command that makes a session of it."),
    field("File", file), look, trouble, told);
}

function answer(guess, isPart) {
  const command = el("code", { class: "free" });
  const given = { WHERE: "", RATE: "" };
  const missing = el("p", {});
  // What has a control of its own is asked there; the rest is for a person to settle before the command is trusted.
  const words = Object.keys(given).filter((word) => guess.command.includes(` ${word}`));
  const others = guess.asked.filter((line) => !words.some((word) => line.includes(word)));
  const draw = () => {
    let text = guess.command;
    for (const word of words) if (given[word]) text = text.replace(` ${word}`, ` ${given[word]}`);
    command.textContent = text;
    missing.textContent = words.some((word) => !given[word]) ? "Answer what is asked above; then the command is whole."
      : others.length ? "Check what is not known before you trust the command." : "";
  };
  const asks = [];
  if (words.includes("WHERE")) {
    const where = choose(PLACES, "");
    where.addEventListener("change", () => { given.WHERE = where.value; draw(); });
    asks.push(field("Where was the sensor worn?", where));
  }
  if (words.includes("RATE")) {
    const rate = el("input", { type: "number", min: 5, max: 10000, step: "any", inputmode: "decimal" });
    rate.addEventListener("input", () => { given.RATE = rate.validity.valid ? rate.value : ""; draw(); });
    asks.push(field("Sampling rate (Hz)", rate));
  }
  draw();
  const list = (lines) => el("ul", { class: "column" }, lines.map((line) => el("li", {}, line)));
  return [
    el("h3", {}, "Understood"), list(guess.said),
    isPart ? el("p", { class: "hint" }, "Only the beginning of the file was looked at.") : null,
    others.length ? el("h3", {}, "Not known") : null,
    others.length ? list(others) : null,
    ...asks,
    el("h3", {}, "Command"), el("p", {}, command), missing,
  ].filter((item) => item !== null);
}
