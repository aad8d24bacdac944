// The time line: speed, cadence, flags, cues, pain, notes. It is the scrub bar. What the runner was given is solid;
// what a replay with other settings, or of a session that nobody coached, would have given is hatched.

import { fit, hatched, palette, text } from "./paint.js";
import { clock } from "./words.js";

const LEFT = 72;
const RIGHT = 10;
const BREAK_S = 4;
const HEIGHT = { speed: 36, cadence: 38, flags: 30, cues: 20, "would cue": 20, "what if": 20, pain: 22, notes: 22 };
const FLAG_WORD = { low_cadence: "cadence", overstriding: "landing", anterior_pelvic_tilt: "tilt", asymmetry: "L–R" };

export class Lanes {
  constructor(canvas, session) {
    this.canvas = canvas;
    this.session = session;
    this.still = document.createElement("canvas");
    this.notes = [];
    this.ifCues = null;
    this.stale = true;
  }

  /** Lanes shown; those of cues that nobody was given only where there are such. */
  get rows() {
    return Object.keys(HEIGHT).filter((name) => (name !== "would cue" || !this.session.was_live) && (name !== "what if" || this.ifCues));
  }

  get height() { return 22 + this.rows.reduce((sum, name) => sum + HEIGHT[name] + 4, 0); }

  timeAt(x) {
    const share = (x - LEFT) / Math.max(1, this.canvas.clientWidth - LEFT - RIGHT);
    return Math.min(Math.max(share, 0), 1) * this.session.duration_s;
  }

  xAt(time, width) { return LEFT + ((width - LEFT - RIGHT) * time) / Math.max(this.session.duration_s, 1e-9); }

  /** The lanes themselves are painted once; a frame costs one copy and one line. */
  draw(time) {
    if (this.stale) this.canvas.style.height = `${this.height}px`;
    const { pen, width, height } = fit(this.canvas);
    if (this.stale || this.still.width !== this.canvas.width || this.still.height !== this.canvas.height) this.paint(width, height);
    pen.clearRect(0, 0, width, height);
    pen.drawImage(this.still, 0, 0, width, height);
    const x = this.xAt(time, width);
    pen.fillStyle = palette().ink;
    pen.fillRect(x - 1, 0, 2, height - 18);
    pen.beginPath();
    pen.moveTo(x - 6, 0); pen.lineTo(x + 6, 0); pen.lineTo(x, 8);
    pen.fill();
  }

  paint(width, height) {
    this.still.width = this.canvas.width;
    this.still.height = this.canvas.height;
    this.stale = false;
    const pen = this.still.getContext("2d");
    const ratio = this.still.width / width;
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    const colours = palette();
    let top = 4;
    this.tops = {};
    for (const name of this.rows) {
      const tall = HEIGHT[name];
      this.tops[name] = [top, tall];
      text(pen, name, 6, top + tall / 2 + 4, colours["ink-soft"]);
      pen.strokeStyle = colours.line;
      pen.lineWidth = 1;
      pen.beginPath(); pen.moveTo(LEFT, top + tall + 1); pen.lineTo(width - RIGHT, top + tall + 1); pen.stroke();
      top += tall + 4;
    }
    const { strides, flags, cues, marks, safety, was_live: wasLive, given_cues: given } = this.session;
    const pace = strides.speed_mps.map((value, row) => strides.belt_speed_mps[row] ?? value);
    this.line(pen, width, "speed", strides.initial_contact_s, pace, 3.6, "km/h", colours["ink-soft"], colours);
    this.line(pen, width, "cadence", strides.initial_contact_s, strides.cadence_spm, 1, "/min", colours.ink, colours, wasLive ? cues : []);
    const kinds = [...new Set(flags.map((item) => item.flag))];
    for (const flag of flags) {
      const [top_, whole] = this.tops.flags;
      const tall = whole / kinds.length;
      const y = top_ + tall * kinds.indexOf(flag.flag);
      const x = this.xAt(flag.start_s, width);
      const wide = Math.max(4, this.xAt(flag.end_s, width) - x);
      pen.fillStyle = colours["warn-fill"];
      pen.fillRect(x, y, wide, tall);
      pen.strokeStyle = colours.warn;
      pen.strokeRect(x + 0.5, y + 0.5, wide - 1, tall - 1);
      text(pen, FLAG_WORD[flag.flag] ?? "?", x + 4, y + tall / 2 + 4, colours.ink, 11, "left", "bold");
    }
    if (wasLive) this.cueBars(pen, width, "cues", cues, colours.good, false);
    else {
      this.cueBars(pen, width, "cues", given.map((cue) => ({ at_s: cue.t_s, end_s: null })), colours.good, false);
      if (!given.length) text(pen, "none is recorded", LEFT + 6, this.tops.cues[0] + 14, colours["ink-soft"], 11);
      this.cueBars(pen, width, "would cue", cues, colours.good, true);
    }
    if (this.ifCues) this.cueBars(pen, width, "what if", this.ifCues, colours.pelvis, true);
    for (const mark of marks.filter((item) => item.kind === "pain")) {
      const [y] = this.tops.pain;
      const x = this.xAt(mark.t_s, width);
      pen.fillStyle = colours.stop;
      pen.beginPath(); pen.moveTo(x, y + 4); pen.lineTo(x + 6, y + 12); pen.lineTo(x, y + 20); pen.lineTo(x - 6, y + 12); pen.fill();
      text(pen, String(mark.score), x + 9, y + 16, colours.ink, 12, "left", "bold");
    }
    for (const item of safety.filter((row) => row.action !== "GO_ON")) {
      const [y] = this.tops.pain;
      text(pen, wasLive ? item.action : `would ${item.action}`, this.xAt(item.at_s, width), y + 16, wasLive ? colours.stop : colours["ink-soft"], 12, "left", wasLive ? "bold" : "");
    }
    for (const note of this.notes) {
      const [y] = this.tops.notes;
      const x = this.xAt(note.t_s, width);
      pen.fillStyle = colours.pelvis;
      pen.fillRect(x - 1, y, 2, 20); pen.fillRect(x, y, 10, 8);
    }
    const minutes = this.session.duration_s / 60;
    const step = [1, 2, 5, 10, 15, 30, 60].find((item) => minutes / item <= Math.max(3, width / 110)) ?? 120;
    for (let minute = 0; minute <= minutes; minute += step) text(pen, clock(60 * minute), this.xAt(60 * minute, width), height - 4, colours["ink-soft"], 11, "center");
  }

  cueBars(pen, width, lane, cues, colour, isHatched) {
    const [y, tall] = this.tops[lane];
    for (const cue of cues) {
      const x = this.xAt(cue.at_s, width);
      const wide = Math.max(5, this.xAt(cue.end_s ?? cue.at_s, width) - x);
      if (isHatched) hatched(pen, x, y + 2, wide, tall - 4, colour);
      else { pen.fillStyle = colour; pen.fillRect(x, y + 2, wide, tall - 4); }
    }
  }

  /** One pixel column holds the middle of its strides: thousands of strides cost no more than a few. */
  line(pen, width, name, times, values, factor, unit, colour, colours, cues = []) {
    const [y, tall] = this.tops[name];
    const columns = new Map();
    for (let row = 0; row < times.length; row += 1) {
      if (values[row] === null || this.session.strides.mode[row] === "stand") continue;
      const x = Math.round(this.xAt(times[row], width));
      if (!columns.has(x)) columns.set(x, []);
      columns.get(x).push(factor * values[row]);
    }
    const points = [...columns].map(([x, list]) => [x, list.sort((a, b) => a - b)[list.length >> 1]]);
    if (points.length < 2) { text(pen, "not known", LEFT + 6, y + tall / 2 + 4, colours["ink-soft"]); return; }
    const sorted = points.map((item) => item[1]).sort((a, b) => a - b);
    let low = sorted[Math.floor(0.01 * sorted.length)];
    let high = sorted[Math.ceil(0.99 * sorted.length) - 1];
    for (const cue of cues) { low = Math.min(low, cue.low ?? low); high = Math.max(high, cue.high ?? high); }
    const spread = Math.max(high - low, 0.04 * Math.abs(high), 1e-6);
    const place = (value) => y + tall - 3 - ((tall - 6) * (Math.min(Math.max(value, low), high) - low)) / spread;
    for (const cue of cues) {
      if (cue.focus !== "cadence" || cue.low === null) continue;
      pen.fillStyle = colours["good-fill"];
      const x = this.xAt(cue.at_s, width);
      pen.fillRect(x, place(cue.high), Math.max(3, this.xAt(cue.end_s ?? cue.at_s, width) - x), place(cue.low) - place(cue.high));
    }
    pen.strokeStyle = colour;
    pen.lineWidth = 1.5;
    pen.beginPath();
    // a line breaks where nothing was known for some seconds, and never only because strides lie far apart on paper
    const breaks = Math.max(3, this.xAt(BREAK_S, width) - this.xAt(0, width));
    let before = -Infinity;
    for (const [x, value] of points.sort((a, b) => a[0] - b[0])) {
      if (x - before > breaks) pen.moveTo(x, place(value)); else pen.lineTo(x, place(value));
      before = x;
    }
    pen.stroke();
    const digits = name === "speed" ? 1 : 0;
    text(pen, high.toFixed(digits), LEFT - 4, y + 9, colours["ink-soft"], 10, "right");
    text(pen, `${low.toFixed(digits)} ${unit}`, LEFT - 4, y + tall - 1, colours["ink-soft"], 10, "right");
  }
}
