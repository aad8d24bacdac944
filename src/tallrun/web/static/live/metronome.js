// The beat is made here, on the audio clock, from a tempo and an anchor the server sends once.
// Nothing the network does afterwards can make it stumble.

const AHEAD_S = 0.2;
const WAKE_MS = 50;

export class Metronome {
  /** @param {(state: string) => void} onState told "ready", "asleep", "interrupted", "missing" */
  constructor(onState) {
    this.onState = onState;
    this.context = null;
    this.timer = null;
    this.cue = null;
    this.scheduled = [];
  }

  /** Must be called from a tap: browsers keep sound off until a person asks for it. */
  async unlock() {
    const Context = window.AudioContext || window.webkitAudioContext;
    if (!Context) { this.onState("missing"); return false; }
    if (!this.context) {
      this.context = new Context({ latencyHint: "interactive" });
      this.context.addEventListener("statechange", () => this.#report());
    }
    try { await this.context.resume(); } catch { /* the state says it */ }
    this.#report();
    return this.context.state === "running";
  }

  /** A short double tone, so the runner knows how loud it is. */
  check(volume = 0.7) {
    if (!this.context) return;
    const start = this.context.currentTime + 0.05;
    this.#click(start, 880, volume);
    this.#click(start + 0.25, 660, volume);
  }

  tone(volume) { this.#click(this.context ? this.context.currentTime + 0.02 : 0, 520, volume, 0.25); }

  get isRunning() { return this.context?.state === "running"; }

  /** Seconds on the audio clock; on the page's own while there is no sound. */
  get clock() { return this.isRunning ? this.context.currentTime : performance.now() / 1000; }

  /** Lay down a beep at a moment of ``clock``: "tick" of a countdown or "change" of a part. Returns how to take it back. */
  book(at, what) {
    if (!this.isRunning) return () => {};
    const made = what === "tick" ? this.#click(at, 880, 0.6, 0.1) : this.#click(at, 520, 0.7, 0.25);
    return () => { try { made.stop(0); made.disconnect(); } catch { /* it has sounded */ } };
  }

  /**
   * Start or retune the beat.
   * @param {{id: number, tempo_spm: number, anchor_age_s: number, volume: number}} cue anchor_age_s: how long
   *   before the state was made the contact was that the beat is in phase with
   * @param {number} lateS how long ago that is
   */
  start(cue, lateS) {
    if (!this.context || (this.cue && this.cue.id === cue.id)) return;
    const period = 60 / cue.tempo_spm;
    const now = this.context.currentTime;
    const ahead = period - ((cue.anchor_age_s + lateS) % period);
    this.cue = { id: cue.id, period, volume: cue.volume, next: now + ahead, beat: 0 };
    this.scheduled = [];
    if (!this.timer) this.timer = setInterval(() => this.#schedule(), WAKE_MS);
    this.#schedule();
  }

  stop() {
    clearInterval(this.timer);
    this.timer = null;
    this.cue = null;
  }

  get isBeating() { return this.cue !== null; }

  #report() {
    const state = this.context.state;
    this.onState(state === "running" ? "ready" : state === "interrupted" ? "interrupted" : "asleep");
    if (state === "running" && this.cue) {
      // After a phone call the clock has stood still: go on in step instead of catching up.
      const now = this.context.currentTime;
      while (this.cue.next < now) { this.cue.next += this.cue.period; this.cue.beat += 1; }
    }
  }

  #schedule() {
    const cue = this.cue;
    if (!cue || this.context.state !== "running") return;
    const until = this.context.currentTime + AHEAD_S;
    while (cue.next < until) {
      if (cue.next >= this.context.currentTime) {
        this.#click(cue.next, cue.beat % 2 ? 760 : 1010, cue.volume);
        this.scheduled.push(cue.next);
        if (this.scheduled.length > 64) this.scheduled.shift();
      }
      cue.next += cue.period;
      cue.beat += 1;
    }
  }

  #click(at, frequency, volume, length = 0.06) {
    if (!this.context) return null;
    const oscillator = this.context.createOscillator();
    const gain = this.context.createGain();
    oscillator.frequency.value = frequency;
    gain.gain.setValueAtTime(0, at);
    gain.gain.linearRampToValueAtTime(volume, at + 0.003);
    gain.gain.exponentialRampToValueAtTime(0.0001, at + length);
    oscillator.connect(gain).connect(this.context.destination);
    oscillator.start(at);
    oscillator.stop(at + length + 0.02);
    return oscillator;
  }
}

/** Say one sentence, if this browser can speak. */
export function say(text, volume) {
  if (!("speechSynthesis" in window)) return false;
  const words = new SpeechSynthesisUtterance(text);
  words.volume = volume;
  window.speechSynthesis.speak(words);
  return true;
}
