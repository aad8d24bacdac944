// Building blocks of pages. Text only ever becomes text: nothing here reads markup from a string.

/** Make an element. props: class, data, on {event: handler}, any attribute; null and false leave it out. */
export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "class") node.className = value;
    else if (name === "data") Object.assign(node.dataset, value);
    else if (name === "on") for (const [event, handler] of Object.entries(value)) node.addEventListener(event, handler);
    else if (name === "value" || name === "checked") node[name] = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

const SVG = "http://www.w3.org/2000/svg";

/** Make an SVG element. */
export function svg(tag, props = {}, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(props)) if (value !== null && value !== undefined) node.setAttribute(name, value);
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

let zone = undefined;

/** Show times in the runner's zone from now on. */
export function setZone(name) { zone = name; }

const shape = (options) => new Intl.DateTimeFormat("en-GB", { timeZone: zone, ...options });

export const when = (iso) => shape({ weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" }).format(new Date(iso));
export const clock = (iso) => shape({ hour: "2-digit", minute: "2-digit" }).format(new Date(iso));
export const longDay = (iso) => shape({ weekday: "short", day: "numeric", month: "short", year: "numeric" }).format(new Date(iso));
/** A local date such as 2026-03-01, which has no zone. */
export const dayOf = (date, options = { weekday: "short", day: "numeric", month: "short" }) =>
  new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", ...options }).format(new Date(`${date}T12:00:00Z`));

export const words = (text) => String(text).replaceAll("_", " ");
/** A range that no line ends in: "0–10" breaks after its dash. */
export const unbroken = (text) => text.replace(/(\d–)(?=\d)/g, "$1\u2060");
export const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
export const number = (value, digits = 0) => (value === null || value === undefined ? "–" : value.toFixed(digits));

const METRES = { km: 1000, mile: 1609.344 };
let shown = { length: "km", week_starts: "monday" };

/** Show ways and weeks as set in Settings from now on. */
export function setShown(told) { shown = told; }
export const lengthUnit = () => shown.length;
export const weekStarts = () => shown.week_starts;
/** A distance with its unit; null where it is not known. */
export const distance = (metres, digits = 2) => (metres === null || metres === undefined ? null : `${(metres / METRES[shown.length]).toFixed(digits)} ${shown.length}`);
/** Minutes and seconds for a unit of way; null where the speed is not known. */
export const pace = (speed) => (speed ? `${paceNumber(speed)} min/${shown.length}` : null);
export function paceNumber(speed) {
  const seconds = Math.round(METRES[shown.length] / speed);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}
/** m/s from minutes:seconds for the unit in use. */
export const speedFrom = (minutes, seconds) => METRES[shown.length] / (60 * minutes + seconds);
export const metresFrom = (way) => METRES[shown.length] * way;

/** Minutes and seconds; a dash when it is not known. */
export function duration(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  const whole = Math.round(seconds);
  const hours = Math.floor(whole / 3600);
  const tail = `${String(Math.floor(whole / 60) % 60).padStart(hours ? 2 : 1, "0")}:${String(whole % 60).padStart(2, "0")}`;
  return hours ? `${hours}:${tail}` : tail;
}

/** Minutes for a person, with tenths below ten of them (words.minute_words); null where they are not known. */
export const minuteWords = (minutes) => (minutes === null || minutes === undefined ? null : `${minuteNumber(minutes)} min`);
export const minuteNumber = (minutes) => Number(minutes.toFixed(minutes < 10 ? 1 : 0));

/** Tell screen readers. */
export function say(text) {
  const region = document.getElementById("said");
  region.textContent = "";
  requestAnimationFrame(() => { region.textContent = text; });
}

/** A card with a heading. */
export function card(title, ...children) {
  const id = `h-${title.toLowerCase().replace(/[^a-z0-9]+/g, "-")}`;
  return el("section", { class: "card", "aria-labelledby": id }, el("h2", { id }, title), ...children);
}

const unfolded = new Map();

/** A card that a phone shows as its heading until it is tapped; elsewhere it is open. Drawn anew it stays as it was. */
export function foldedCard(title, ...children) {
  const isOpen = unfolded.get(title) ?? matchMedia("(min-width: 900px)").matches;
  return el("details", { class: "card folded", open: isOpen, on: { toggle: (event) => unfolded.set(title, event.currentTarget.open) } }, el("summary", {}, el("h2", {}, title)), ...children);
}

/** A labelled field: input, select or textarea, with an optional hint. */
export function field(label, control, hint) {
  const id = control.id || `f-${Math.random().toString(36).slice(2, 9)}`;
  control.id = id;
  if (hint) control.setAttribute("aria-describedby", `${id}-hint`);
  return el("div", { class: "field" }, el("label", { for: id }, label), control, hint ? el("p", { id: `${id}-hint`, class: "hint" }, hint) : null);
}

/** A select from [value, text] pairs. */
export function choose(pairs, chosen, props = {}) {
  const box = el("select", props, pairs.map(([value, text]) => el("option", { value }, text)));
  box.value = chosen ?? "";
  return box;
}

export const plainButton = (text, click, props = {}) => el("button", { type: "button", ...props, on: { click } }, text);

/** A table that may be wider than the page; reachable by keyboard so that it can be scrolled. */
export function table(label, head, rows) {
  return el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": label },
    el("table", {}, el("thead", {}, el("tr", {}, head.map((text) => el("th", { scope: "col" }, text)))), el("tbody", {}, rows)));
}

/** A table whose rows become small lists on a phone. Its roles are said aloud, for other ways to lay it out take them away. */
export function stackedTable(label, head, rows) {
  const made = table(label, head, rows);
  const roles = [["table", "table"], ["thead, tbody", "rowgroup"], ["tr", "row"], ["thead th", "columnheader"], ["tbody th", "rowheader"], ["td", "cell"]];
  for (const [what, role] of roles) for (const node of made.querySelectorAll(what)) node.setAttribute("role", role);
  for (const row of made.querySelectorAll("tbody tr")) [...row.children].forEach((cell, place) => { cell.dataset.name = head[place]; });
  made.classList.add("stacked");
  return made;
}
