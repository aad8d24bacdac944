// The replayed session as columns, with quick look-ups by time.

export const WAVE_POINTS = 51;
const KINDS = 4;
const SCALES = [50, 100, 5000, 10000];
const GAP = -32768;

export async function fetchJson(url, options) {
  const answer = await fetch(url, options);
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(body.message || body.detail || `The server answered ${answer.status}.`);
  return body;
}

export class Session {
  constructor(page, waves) {
    Object.assign(this, page);
    this.waves = new Int16Array(waves);
    this.n = page.strides.foot.length;
    this.feet = {};
    let offset = 0;
    for (const foot of ["left", "right"]) {
      const rows = [];
      for (let row = 0; row < this.n; row += 1) if (page.strides.foot[row] === foot) rows.push(row);
      const has = page.wave_rows[foot] === rows.length && rows.length > 0;
      const flats = Float64Array.from(rows, (row) => page.strides.foot_flat_s[row] ?? NaN);
      this.feet[foot] = { rows, flats, offset: has ? offset : -1 };
      offset += page.wave_rows[foot] || 0;
    }
    this.contacts = Float64Array.from(page.strides.initial_contact_s, (value) => value ?? NaN);
  }

  /** Index of the last contact at or before a time, -1 before the first. */
  strideAt(time) { return lastAtOrBefore(this.contacts, time); }

  /** The foot's stride going on at a time: {row, share} from foot-flat to foot-flat, or null. */
  phase(foot, time) {
    const { rows, flats } = this.feet[foot];
    let low = 0;
    let high = rows.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const at = Number.isNaN(flats[middle]) ? this.contacts[rows[middle]] : flats[middle];
      if (at <= time) low = middle + 1; else high = middle;
    }
    const place = low - 1;
    if (place < 0 || place + 1 >= rows.length) return null;
    const start = flats[place];
    const end = flats[place + 1];
    if (!(end > start) || end - start > 2.5 || time > end) return null;
    return { place, row: rows[place], share: (time - start) / (end - start) };
  }

  /** One kind of one stride's shape (0 pitch °, 1 force g, 2 forward m, 3 up m), or null where it is unknown. */
  shape(foot, place, kind) {
    const { offset } = this.feet[foot];
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

export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  const tail = `${String(minutes).padStart(hours ? 2 : 1, "0")}:${String(whole % 60).padStart(2, "0")}`;
  return hours ? `${hours}:${tail}` : tail;
}
