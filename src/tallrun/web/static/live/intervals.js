// The part of a run/walk session: what now, how long, what next; said once per change in the way chosen on this phone.
// Where the parts lie is the server's data; between two states only the seconds run on here.

import { say } from "./metronome.js";

const CHOICE = "tallrun.parts";
const SAID = "tallrun.part-said";
const BEEPS_AT = [3, 2, 1];
const $ = (id) => document.getElementById(id);

function kept(shelf, key) { try { return shelf.getItem(key); } catch { return null; } }
function keep(shelf, key, value) { try { shelf.setItem(key, value); } catch { /* kept for this page only */ } }

export class Intervals {
  constructor(metronome, link) {
    this.metronome = metronome;
    this.link = link;
    this.now = null;
    this.endsAt = null;
    this.beeped = "";
    this.said = kept(sessionStorage, SAID);
    this.spoken = [];
    const how = $("part-how");
    const chosen = kept(localStorage, CHOICE);
    if ([...how.options].some((option) => option.value === chosen)) how.value = chosen;
    how.addEventListener("change", () => { keep(localStorage, CHOICE, how.value); if (how.value !== "spoken") window.speechSynthesis?.cancel(); });
    for (const [id, type] of [["part-skip", "skip"], ["part-repeat", "repeat"], ["part-end", "end_early"]]) {
      $(id).addEventListener("click", () => { if (this.now?.place != null) this.link.send({ type, place: this.now.place }); });
    }
    setInterval(() => this.#tick(), 100);
  }

  /** isQuiet: a stop, a question or a held tap outranks every announcement. */
  show(state, isQuiet) {
    const now = state.interval ?? null;
    this.now = now;
    this.isQuiet = isQuiet;
    $("interval").hidden = !now;
    if (!now) { this.endsAt = null; return; }
    this.endsAt = now.left_s === null ? null : performance.now() + 1000 * now.left_s;
    $("interval").dataset.kind = now.kind;
    $("part-now").textContent = [now.now, now.of].filter(Boolean).join(" ");
    const split = now.n_splits ? `km ${now.n_splits}: ${now.splits.at(-1)}` : "";
    $("part-next").textContent = [now.is_last ? "last one" : "", now.next, split].filter(Boolean).join(" · ");
    for (const id of ["part-skip", "part-repeat", "part-end"]) $(id).disabled = now.kind === "done" || now.kind === "held";
    this.#tick();
    const key = `${state.run ?? ""}/${now.place}/${now.kind}`;
    if (key === this.said || isQuiet) return;
    this.said = key;
    keep(sessionStorage, SAID, key);
    $("part-said").textContent = now.say;
    this.#announce(now);
  }

  #announce(now) {
    this.spoken.push(now.say);
    const how = $("part-how").value;
    if (how === "spoken") { window.speechSynthesis?.cancel(); if (!say(now.say, 1)) this.metronome.tone(0.7); }
    else if (how === "beeped") this.metronome.tone(0.7);
    else if (how === "vibrated") navigator.vibrate?.(now.kind === "run" ? [200, 100, 200] : [600]);
  }

  #tick() {
    if (this.endsAt === null) { $("part-left").textContent = ""; return; }
    const leftS = Math.max(0, (this.endsAt - performance.now()) / 1000);
    const whole = Math.ceil(leftS);
    const text = `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
    if ($("part-left").textContent !== text) $("part-left").textContent = text;
    const how = $("part-how").value;
    if (this.isQuiet || how === "silent" || this.now.kind === "held" || !BEEPS_AT.includes(whole)) return;
    const key = `${this.now.place}/${whole}`;
    if (key === this.beeped) return;
    this.beeped = key;
    if (how === "vibrated") navigator.vibrate?.(80);
    else this.metronome.tick(0.6);
  }
}
