// The signal strip: force and turning rate of every sensor around the play head, with contacts to judge and to move.

import { fetchJson } from "./data.js";
import { fit, mark, palette, text } from "./paint.js";
import { SIDE } from "./words.js";

const TILE_S = 10;
const MOST_TILES = 24;
/** Traces are painted once, in pieces of half a window; a frame only copies them. */
const MOST_PIECES = 10;
const LEFT = 46;
const RIGHT = 8;
const FOOT = 16;
const ROW_NAME = { foot_left: "● L", foot_right: "■ R", pelvis: "▲ P", trunk: "trunk" };
const SIDE_OF = { foot_left: "left", foot_right: "right" };
/** How near a finger or a mouse must come to a contact to take hold of it. */
const HOLD_PX = { touch: 22, pen: 14, mouse: 12 };

/** Signals by tiles of ten seconds: fetched one after another, the one in view first, the next ones ahead. */
class Tiles {
  constructor(api, duration, arrived) {
    Object.assign(this, { api, duration, arrived, kept: new Map(), wanted: [], isBusy: false, failed: "" });
  }

  /** The tile that holds a time, or undefined while it is on its way. */
  at(index) {
    const found = this.kept.get(index);
    if (found) { this.kept.delete(index); this.kept.set(index, found); }
    return found;
  }

  want(indexes) {
    const last = Math.floor(this.duration / TILE_S);
    this.wanted = indexes.filter((index) => index >= 0 && index <= last && !this.kept.has(index));
    if (!this.isBusy) this.next();
  }

  async next() {
    this.isBusy = true;
    while (this.wanted.length) {
      const index = this.wanted.shift();
      try {
        this.kept.set(index, await fetchJson(`${this.api}/signals?start_s=${index * TILE_S}&end_s=${(index + 1) * TILE_S}`));
        this.failed = "";
      } catch (error) { this.failed = error.message; this.wanted = []; }
      while (this.kept.size > MOST_TILES) this.kept.delete(this.kept.keys().next().value);
      this.arrived();
    }
    this.isBusy = false;
  }
}

export class Strip {
  constructor(canvas, session, api, redraw) {
    this.canvas = canvas;
    this.session = session;
    this.span = 4;
    this.fix = null;
    this.places = Object.keys(session.signals);
    this.tiles = new Tiles(api, session.duration_s, redraw);
    this.from = 0;
    this.pieces = new Map();
    this.painted = "";
  }

  get plotWidth() { return Math.max(1, this.canvas.clientWidth - LEFT - RIGHT); }

  xAt(time) { return LEFT + (this.plotWidth * (time - this.from)) / this.span; }

  timeAt(x) { return this.from + ((x - LEFT) / this.plotWidth) * this.span; }

  rowBand(place) {
    const tall = (this.canvas.clientHeight - FOOT - 4) / Math.max(1, this.places.length);
    return [4 + tall * this.places.indexOf(place), tall];
  }

  /** The foot whose row a pointer is in, or null. */
  footAt(y) {
    const found = this.places.find((place) => { const [top, tall] = this.rowBand(place); return y >= top && y < top + tall; });
    return SIDE_OF[found] ?? null;
  }

  /** The contact under a pointer, as a row, or null. */
  contactAt(x, y, pointer) {
    const foot = this.footAt(y);
    const row = foot ? this.session.nearest(this.timeAt(x), foot) : -1;
    return row >= 0 && Math.abs(this.xAt(this.session.contacts[row]) - x) <= (HOLD_PX[pointer] ?? 12) ? row : null;
  }

  draw(time) {
    const { pen, width, height } = fit(this.canvas);
    const colours = palette();
    this.from = time - this.span / 2;
    pen.clearRect(0, 0, width, height);
    if (!this.places.length) { text(pen, "No sensor signals.", 12, 24, colours["ink-soft"], 13); return; }
    const first = Math.floor(this.from / TILE_S);
    const last = Math.floor((this.from + this.span) / TILE_S);
    const tiles = [];
    for (let index = first; index <= last; index += 1) tiles.push(this.tiles.at(index));
    const now = Math.floor(time / TILE_S);
    this.tiles.want([...new Set([now, first, last, now + 1, now + 2, now + 3, now - 1])]);
    pen.save();
    pen.beginPath(); pen.rect(LEFT, 0, this.plotWidth, height); pen.clip();
    this.traces(pen, height, colours);
    this.contactMarks(pen, colours);
    this.pending(pen, colours);
    const x = this.xAt(time);
    pen.fillStyle = colours.ink;
    pen.fillRect(x - 1, 0, 2, height - FOOT);
    pen.restore();
    this.labels(pen, width, height, time, colours);
    const missing = tiles.some((tile, at) => !tile && (first + at) * TILE_S <= this.session.duration_s && first + at >= 0);
    if (missing) text(pen, this.tiles.failed || "reading signals …", width - RIGHT - 4, 16, colours["ink-soft"], 12, "right");
  }

  traces(pen, height, colours) {
    const ratio = window.devicePixelRatio || 1;
    const painted = [this.plotWidth, height, ratio, this.span, colours.ink].join(" ");
    if (painted !== this.painted) { this.pieces.clear(); this.painted = painted; }
    const lasts = this.span / 2;
    for (let index = Math.floor(this.from / lasts); index * lasts < this.from + this.span; index += 1) {
      const piece = this.piece(index, lasts, height, ratio, colours);
      if (piece) pen.drawImage(piece, Math.round(ratio * this.xAt(index * lasts)) / ratio, 0, piece.width / ratio, height);
    }
  }

  /** One piece of the traces; kept only when all its signals have come. */
  piece(index, lasts, height, ratio, colours) {
    const kept = this.pieces.get(index);
    if (kept) return kept;
    const start = index * lasts;
    const tiles = [...new Set([start, start + lasts - 1e-6].map((time) => Math.floor(time / TILE_S)))].map((tile) => this.tiles.at(tile));
    if (!tiles.some(Boolean)) return null;
    const piece = document.createElement("canvas");
    piece.width = Math.ceil((ratio * this.plotWidth) / 2);
    piece.height = Math.round(ratio * height);
    const pen = piece.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.lineJoin = "round";
    for (const place of this.places) this.row(pen, place, tiles.filter(Boolean), start, lasts, colours);
    if (tiles.every(Boolean)) {
      this.pieces.set(index, piece);
      if (this.pieces.size > MOST_PIECES) this.pieces.delete(this.pieces.keys().next().value);
    }
    return piece;
  }

  row(pen, place, tiles, start, lasts, colours) {
    const [top, tall] = this.rowBand(place);
    const scale = this.session.signals[place];
    const side = SIDE_OF[place];
    for (const [name, colour, wide, alpha] of [["turn_dps", colours["ink-soft"], 1, 0.75], ["force_g", side ? colours[side] : colours.pelvis, 1.6, 1]]) {
      if (scale[name] === null) continue;
      pen.strokeStyle = colour;
      pen.globalAlpha = alpha;
      pen.lineWidth = wide;
      pen.beginPath();
      for (const tile of tiles) this.trace(pen, tile.sensors[place], name, start, lasts, top + tall - 4, (tall - 10) / scale[name]);
      pen.stroke();
    }
    pen.globalAlpha = 1;
  }

  trace(pen, columns, name, start, lasts, zero, factor) {
    const { t_s: times } = columns;
    const values = columns[name];
    const perSecond = this.plotWidth / this.span;
    let isDown = false;
    for (let place = Math.max(0, firstAfter(times, start) - 2); place < times.length; place += 1) {
      const time = times[place];
      if (time === null || values[place] === null) { isDown = false; continue; }
      const x = perSecond * (time - start);
      const y = zero - factor * values[place];
      if (isDown) pen.lineTo(x, y); else pen.moveTo(x, y);
      isDown = true;
      if (time > start + lasts) break;
    }
  }

  contactMarks(pen, colours) {
    const { strides, corrections, detected } = this.session;
    const shown = (time) => time !== null && time >= this.from - 0.1 && time <= this.from + this.span + 0.1;
    const one = (foot, time, isFilled, isOwn) => {
      const [top, tall] = this.rowBand(`foot_${foot}`);
      const x = this.xAt(time);
      pen.globalAlpha = isFilled ? 0.7 : 0.35;
      pen.fillStyle = colours[foot];
      pen.fillRect(x - 0.5, top + 2, 1, tall - 4);
      pen.globalAlpha = 1;
      mark(pen, foot, x, top + 9, isFilled ? 5 : 4, colours[foot], isFilled);
      if (isOwn) text(pen, "✎", x + 7, top + 14, colours.ink, 12);
    };
    const begin = Math.max(0, this.session.strideAt(this.from - 2.5));
    for (let row = begin; row < this.session.n && this.session.contacts[row] <= this.from + this.span + 0.1; row += 1) {
      const foot = strides.foot[row];
      if (!this.places.includes(`foot_${foot}`)) continue;
      if (shown(strides.initial_contact_s[row])) one(foot, strides.initial_contact_s[row], true, this.isOwn(row));
      if (shown(strides.final_contact_s[row])) one(foot, strides.final_contact_s[row], false, false);
    }
    if (this.session.isAsDetected) return;
    // where a corrected contact was detected stays visible, crossed out
    const moved = corrections.changed.detected_row.filter((row, place) => row !== null && detected.initial_contact_s[row] !== corrections.changed.initial_contact_s[place]);
    for (const row of [...corrections.removed, ...moved]) {
      const time = detected.initial_contact_s[row];
      if (!shown(time) || !this.places.includes(`foot_${detected.foot[row]}`)) continue;
      const [top] = this.rowBand(`foot_${detected.foot[row]}`);
      const x = this.xAt(time);
      pen.strokeStyle = colours["ink-soft"];
      pen.lineWidth = 2;
      pen.beginPath(); pen.moveTo(x - 5, top + 4); pen.lineTo(x + 5, top + 14); pen.moveTo(x + 5, top + 4); pen.lineTo(x - 5, top + 14); pen.stroke();
    }
  }

  /** Whether this very contact was set by a person, not only a value that depends on one. */
  isOwn(row) {
    const { strides, detected } = this.session;
    const from = strides.detected_row[row];
    return strides.by[row] !== "" && (from === null || detected.initial_contact_s[from] !== strides.initial_contact_s[row]);
  }

  pending(pen, colours) {
    if (!this.fix || !this.places.includes(`foot_${this.fix.foot}`)) return;
    const [top, tall] = this.rowBand(`foot_${this.fix.foot}`);
    const time = this.fix.kind === "contact_removed" ? this.fix.t_s : this.fix.time;
    if (!Number.isFinite(time)) return;
    const x = this.xAt(time);
    pen.strokeStyle = colours.ink;
    pen.lineWidth = 2;
    pen.setLineDash([4, 3]);
    pen.beginPath(); pen.moveTo(x, top); pen.lineTo(x, top + tall); pen.stroke();
    pen.setLineDash([]);
    text(pen, this.fix.kind === "contact_removed" ? "none here?" : `${SIDE[this.fix.foot]} here?`, x + 5, top + tall - 6, colours.ink, 12, "left", "bold");
  }

  labels(pen, width, height, time, colours) {
    for (const place of this.places) {
      const [top, tall] = this.rowBand(place);
      const scale = this.session.signals[place];
      const side = SIDE_OF[place];
      text(pen, ROW_NAME[place] ?? place, 5, top + 13, side ? colours[side] : colours.pelvis, 13, "left", "bold");
      if (scale.force_g !== null) text(pen, `${scale.force_g} g`, 5, top + 29, side ? colours[side] : colours.pelvis, 11);
      if (scale.turn_dps !== null && tall > 44) text(pen, `${scale.turn_dps}°/s`, 5, top + 43, colours["ink-soft"], 11);
      pen.strokeStyle = colours.line;
      pen.lineWidth = 1;
      pen.beginPath(); pen.moveTo(LEFT, top + tall - 0.5); pen.lineTo(width - RIGHT, top + tall - 0.5); pen.stroke();
    }
    text(pen, `${Math.max(0, this.from).toFixed(1)} s`, LEFT, height - 4, colours["ink-soft"], 11);
    text(pen, `${time.toFixed(3)} s`, this.xAt(time), height - 4, colours.ink, 12, "center", "bold");
    text(pen, `${Math.min(this.session.duration_s, this.from + this.span).toFixed(1)} s`, width - RIGHT, height - 4, colours["ink-soft"], 11, "right");
  }
}

/** Place of the first known time at or after a time; rows of a gap have a null in its middle. */
function firstAfter(times, time) {
  let low = 0;
  let high = times.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((times[middle] ?? times[middle - 1] ?? -Infinity) < time) low = middle + 1; else high = middle;
  }
  return low;
}
