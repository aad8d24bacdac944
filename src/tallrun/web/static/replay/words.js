// Words the page shares: names of flags and entries, times, reasons.

export const FLAG_NAME = { low_cadence: "low cadence", overstriding: "landing far ahead", anterior_pelvic_tilt: "pelvis tilted forward", asymmetry: "left-right difference" };
export const ENTRY_NAME = { note: "note", contact_moved: "contact is elsewhere", contact_removed: "no contact here", contact_added: "contact missed here", flag_doubted: "flag is doubtful" };
export const SIDE = { left: "● L", right: "■ R" };

export const code = (name) => name.replaceAll("_", " ");

export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  const tail = `${String(minutes).padStart(hours ? 2 : 1, "0")}:${String(whole % 60).padStart(2, "0")}`;
  return hours ? `${hours}:${tail}` : tail;
}

const SHAPE = { weekday: "short", day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23" };

function written(moment, timeZone) {
  const part = Object.fromEntries(new Intl.DateTimeFormat("en-GB", { ...SHAPE, timeZone }).formatToParts(moment).map((item) => [item.type, item.value]));
  return `${part.weekday}, ${part.day} ${part.month} ${part.year}, ${part.hour}:${part.minute}`;
}

/** A moment on the clock of the place where the session was recorded; without a zone, as it was written down. */
export function moment(iso, zone) {
  const found = new Date(iso);
  if (Number.isNaN(found.getTime())) return String(iso);
  try { if (zone) return written(found, zone); } catch { /* a zone this browser does not know */ }
  const wall = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2})/.exec(iso);
  return wall ? written(new Date(`${wall[1]}Z`), "UTC") : written(found);
}

/** When somebody entered something: in the session's zone, else on the reader's own clock. */
export function entered(iso, zone) {
  const found = new Date(iso);
  if (Number.isNaN(found.getTime())) return String(iso);
  try { return written(found, zone || undefined); } catch { return written(found); }
}
