// The replayed session as columns, as detected and as corrected, with quick look-ups by time.

export const WAVE_POINTS = 51;
const KINDS = 4;
const SCALES = [50, 100, 5000, 10000];
const GAP = -32768;
/** Past this, a stride without an end says nothing about the moment any more. */
const STALE_S = 1.5;
const LONGEST_S = 2.5;

export async function fetchJson(url, options) {
  let answer;
  try { answer = await fetch(url, options); } catch { throw new Error("The computer that keeps this session does not answer. Is tallrun still running there?"); }
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(body.message || body.detail || `The server answered ${answer.status}.`);
  return body;
}

export class Session {
  constructor(page, waves) {
    Object.assign(this, page);
    this.waves = new Int16Array(waves);
    const n = page.strides.foot.length;
    this.detected = { ...page.strides, by: new Array(n).fill(""), detected_row: Array.from({ length: n }, (_, row) => row) };
    this.paths = {};
    let offset = 0;
    for (const foot of ["left", "right"]) {
      const rows = [];
      for (let row = 0; row < n; row += 1) if (page.strides.foot[row] === foot) rows.push(row);
      const has = page.wave_rows[foot] === rows.length && rows.length > 0;
      const flats = Float64Array.from(rows, (row) => page.strides.foot_flat_s[row] ?? NaN);
      this.paths[foot] = { rows, flats, offset: has ? offset : -1 };
      offset += page.wave_rows[foot] || 0;
    }
    this.isAsDetected = false;
    this.lay({ changed: { by: [], detected_row: [] }, removed: [], not_applied: {}, counts: {} });
  }

  get hasCorrections() { return this.corrections.changed.by.length + this.corrections.removed.length > 0; }

  /** Take the corrections in force. */
  lay(corrections) {
    this.corrections = corrections;
    this.show(this.isAsDetected);
  }

  /** Show strides as detected, or as corrected. */
  show(isAsDetected) {
    this.isAsDetected = isAsDetected;
    const { changed, removed } = this.corrections;
    this.withheld = new Set(isAsDetected ? [] : removed);
    this.strides = this.detected;
    if (!isAsDetected && this.hasCorrections) {
      const gone = new Set([...removed, ...changed.detected_row.filter((row) => row !== null)]);
      const order = [];
      for (let row = 0; row < this.detected.foot.length; row += 1) if (!gone.has(row)) order.push([this.detected, row]);
      for (let row = 0; row < changed.by.length; row += 1) {
        order.push([changed, row]);
        if (changed.detected_row[row] !== null && changed.stride_length_m[row] === null) this.withheld.add(changed.detected_row[row]);
      }
      order.sort((a, b) => a[0].initial_contact_s[a[1]] - b[0].initial_contact_s[b[1]]);
      this.strides = Object.fromEntries(Object.keys(this.detected).map((name) => [name, order.map(([from, row]) => from[name][row])]));
    }
    this.n = this.strides.foot.length;
    this.contacts = Float64Array.from(this.strides.initial_contact_s, (value) => value ?? NaN);
  }

  /** Index of the last contact at or before a time, -1 before the first. */
  strideAt(time) { return lastAtOrBefore(this.contacts, time); }

  /** The stride that goes on at a time, or -1: after the last contact of a bout nothing is known any more. */
  strideNow(time) {
    const row = this.strideAt(time);
    if (row < 0) return -1;
    const lasts = Math.min(this.strides.stride_time_s[row] ?? STALE_S, LONGEST_S);
    return time - this.contacts[row] <= lasts ? row : -1;
  }

  modeAt(time) { return this.segments.find((item) => item[0] <= time && time < item[1])?.[2] ?? "other"; }

  /** The shown contact nearest to a time, of one foot or of any: row, or -1 with none within a second. */
  nearest(time, foot = null) {
    let best = -1;
    for (const step of [-1, 1]) {
      for (let row = this.strideAt(time) + (step > 0 ? 1 : 0); row >= 0 && row < this.n && Math.abs(this.contacts[row] - time) < 1; row += step) {
        if (foot !== null && this.strides.foot[row] !== foot) continue;
        if (best < 0 || Math.abs(this.contacts[row] - time) < Math.abs(this.contacts[best] - time)) best = row;
        break;
      }
    }
    return best;
  }

  /** The measured path going on at a time: {place, row as detected, share} from foot-flat to foot-flat, or null. */
  phase(foot, time) {
    const { rows, flats } = this.paths[foot];
    let low = 0;
    let high = rows.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const at = Number.isNaN(flats[middle]) ? this.detected.initial_contact_s[rows[middle]] : flats[middle];
      if (at <= time) low = middle + 1; else high = middle;
    }
    const place = low - 1;
    if (place < 0 || place + 1 >= rows.length) return null;
    const start = flats[place];
    const end = flats[place + 1];
    if (!(end > start) || end - start > LONGEST_S || time > end || this.withheld.has(rows[place])) return null;
    return { place, row: rows[place], share: (time - start) / (end - start) };
  }

  /** Why a foot's path is not drawn at a time, as a sentence. */
  silence(foot, time) {
    if (!this.sensors.includes(`foot_${foot}`)) return `No sensor on the ${foot} foot.`;
    const mode = this.modeAt(time);
    if (mode === "stand") return "Standing: no stride to draw.";
    const row = this.nearest(time, foot);
    const told = row < 0 ? [] : this.strides.reasons[row].split(";").filter((code) => code && !["one_foot", "no_pelvis"].includes(code));
    if (told.includes("corrected")) return `The path of the ${foot} foot is withheld: a contact of this stride was corrected.`;
    const why = told.map((code) => this.reasons[code] ?? code).join(" ");
    const what = mode === "walk" ? "Walking, and no measured path" : "No measured path";
    return `${what} of the ${foot} foot here${why ? `: ${why}` : "."}`;
  }

  /** One kind of one stride's shape (0 pitch °, 1 force g, 2 forward m, 3 up m), or null where it is unknown. */
  shape(foot, place, kind) {
    const { offset } = this.paths[foot];
    if (offset < 0) return null;
    const base = (offset + place) * WAVE_POINTS * KINDS;
    if (this.waves[base + kind] === GAP) return null;
    const out = new Float32Array(WAVE_POINTS);
    for (let point = 0; point < WAVE_POINTS; point += 1) out[point] = this.waves[base + point * KINDS + kind] / SCALES[kind];
    return out;
  }
}

export function lastAtOrBefore(sorted, value) {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] <= value) low = middle + 1; else high = middle;
  }
  return low - 1;
}

export function at(shape, share) {
  const place = Math.min(Math.max(share, 0), 1) * (shape.length - 1);
  const low = Math.floor(place);
  const high = Math.min(low + 1, shape.length - 1);
  return shape[low] + (place - low) * (shape[high] - shape[low]);
}
