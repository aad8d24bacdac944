// The part of a run/walk session: what now, how long, what next; said once per change in the way chosen on this phone.
// Where the parts lie is the server's data. What is heard at the end of the one that goes on is laid down ahead on the
// audio clock: three ticks and the change. A state that comes late moves nothing of it, and a cut of the network takes
// none of it away; what comes after the next change is not known here and never guessed.

import { say } from "./metronome.js";

const CHOICE = "tallrun.parts";
const SAID = "tallrun.part-said";
const TICKS_S = [3, 2, 1];
// Two states in a row may disagree on the end by what their lateness is known to; more than that is a new end.
const DRIFT_S = 0.15;
const $ = (id) => document.getElementById(id);

function kept(shelf, key) { try { return shelf.getItem(key); } catch { return null; } }
function keep(shelf, key, value) { try { shelf.setItem(key, value); } catch { /* kept for this page only */ } }

export class Intervals {
  constructor(metronome, link) {
    this.metronome = metronome;
    this.link = link;
    this.now = null;
    this.endsAt = null;
    this.isQuiet = false;
    this.booked = null;
    this.said = kept(sessionStorage, SAID);
    this.spoken = [];
    const how = $("part-how");
    const chosen = kept(localStorage, CHOICE);
    if ([...how.options].some((option) => option.value === chosen)) how.value = chosen;
    how.addEventListener("change", () => { keep(localStorage, CHOICE, how.value); if (how.value !== "spoken") window.speechSynthesis?.cancel(); this.book(); });
    for (const [id, type] of [["part-skip", "skip"], ["part-repeat", "repeat"], ["part-end", "end_early"]]) {
      $(id).addEventListener("click", () => { if (this.now?.place != null) this.link.send({ type, place: this.now.place }); });
    }
    setInterval(() => this.#tick(), 50);
  }

  /** isQuiet: a stop, a question or a held tap outranks every announcement. lateS: how long ago the state held. */
  show(state, isQuiet, lateS) {
    this.#tick();  // what is due by the plan so far comes first, and then not a second time
    const now = state.interval ?? null;
    this.now = now;
    this.run = state.run ?? "";
    this.isQuiet = isQuiet;
    $("interval").hidden = !now;
    this.endsAt = now?.left_s == null ? null : performance.now() + 1000 * (now.left_s - lateS);
    this.book();
    if (!now) return;
    $("interval").dataset.kind = now.kind;
    $("part-now").textContent = [now.now, now.of].filter(Boolean).join(" ");
    const split = now.n_splits ? `km ${now.n_splits}: ${now.splits.at(-1)}` : "";
    $("part-next").textContent = [now.is_last ? "last one" : "", now.next, split].filter(Boolean).join(" · ");
    for (const id of ["part-skip", "part-repeat", "part-end"]) {
      $(id).disabled = now.kind === "done";
      $(id).hidden = now.kind === "held";  // a walk that a rule asks for is no part to be skipped
    }
    this.#showLeft();
    if (!isQuiet) this.#tell(now, true);
  }

  /** Whatever was tapped outranks every announcement until the server has said what holds. */
  quiet() {
    this.isQuiet = true;
    this.book();
  }

  /** Lay down what is heard at the end of this part; anew only when the end, the way or the clock is another one. */
  book() {
    const how = $("part-how").value;
    const key = this.endsAt === null || this.isQuiet || how === "silent" || !this.now.after ? null : `${this.#key(this.now)}/${how}/${this.metronome.isRunning}`;
    const clock = this.metronome.clock;
    const end = key === null ? null : clock + (this.endsAt - performance.now()) / 1000;
    if (key !== null && key === this.booked?.key && Math.abs(end - this.booked.end) < DRIFT_S) return;
    for (const item of this.booked?.plan ?? []) item.takeBack?.();
    this.booked = null;
    if (key === null) return;
    const isHeard = how === "spoken" || how === "beeped";
    const plan = [...TICKS_S.map((ahead) => ({ at: end - ahead, what: "tick" })), { at: end, what: "change" }].filter(({ at }) => at > clock);
    for (const item of plan) if (isHeard && (item.what === "tick" || how === "beeped")) item.takeBack = this.metronome.book(item.at, item.what);
    this.booked = { key, end, how, after: this.now.after, plan };
  }

  #key(part) { return `${this.run}/${part.place}/${part.kind}`; }

  /** Say a change once, whichever comes first: its moment on the clock, or the state that tells of it. */
  #tell(part, isSounded) {
    const key = this.#key(part);
    if (key === this.said) return;
    this.said = key;
    keep(sessionStorage, SAID, key);
    $("part-said").textContent = part.say;
    this.spoken.push(part.say);
    const how = $("part-how").value;
    if (how === "spoken") { window.speechSynthesis?.cancel(); if (!say(part.say, 1)) this.metronome.tone(0.7); }
    else if (how === "beeped" && isSounded) this.metronome.tone(0.7);
    else if (how === "vibrated") navigator.vibrate?.(part.kind === "run" ? [200, 100, 200] : [600]);
  }

  #tick() {
    this.#showLeft();
    while (this.booked?.plan.length && this.booked.plan[0].at <= this.metronome.clock) {
      const { what } = this.booked.plan.shift();
      if (what === "change") this.#tell(this.booked.after, false);
      else if (this.booked.how === "vibrated") navigator.vibrate?.(80);
    }
  }

  #showLeft() {
    const whole = this.endsAt === null ? null : Math.ceil(Math.max(0, (this.endsAt - performance.now()) / 1000));
    const text = whole === null ? "" : `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
    if ($("part-left").textContent !== text) $("part-left").textContent = text;
  }
}
