// The replay page: loads the session, plays it, jumps, asks for what-if runs.

import { CycleView } from "./cycle.js";
import { Session, fetchJson, lastAtOrBefore } from "./data.js";
import { SideView } from "./figure.js";
import { Lanes } from "./lanes.js";
import { Notes } from "./notes.js";
import { Strip } from "./strip.js";
import { Video } from "./video.js";
import { ENTRY_NAME, FLAG_NAME, SIDE, clock, code, moment } from "./words.js";

const $ = (id) => document.getElementById(id);
const sessionId = decodeURIComponent(location.pathname.split("/").filter(Boolean).pop());
const api = `/api/replay/${encodeURIComponent(sessionId)}`;
const SPEEDS = ["0.5", "1", "4", "8", "16"];
const isStill = window.matchMedia("(prefers-reduced-motion: reduce)");
const isInApp = "inApp" in document.documentElement.dataset;

const player = { time: 0, isPlaying: false, speed: 1, last: 0, frames: 0 };
let session = null;
let lanes = null;
let sideView = null;
let cycleView = null;
let strip = null;
let notes = null;
let video = null;
let jumps = [];
window.tallrunReplay = { player, goTo, get session() { return session; }, get strip() { return strip; }, get sideView() { return sideView; }, get lanes() { return lanes; }, get video() { return video; } };

async function load() {
  $("page").dataset.state = "loading";
  $("retry").hidden = true;
  let told = null;
  const began = performance.now();
  if (isInApp) links();
  const ticker = setInterval(() => {
    const seconds = (performance.now() - began) / 1000;
    if (seconds > 2) $("state-more").textContent = `${seconds.toFixed(0)} s so far. An hour of three sensors takes about ten seconds.`;
  }, 500);
  try {
    const page = await fetchJson(api);
    const [waves, kept] = await Promise.all([fetch(`${api}/waves`).then((answer) => answer.arrayBuffer()), fetchJson(`${api}/notes`)]);
    session = new Session(page, waves);
    told = kept;
  } catch (error) {
    $("page").dataset.state = "error";
    $("state-text").textContent = "This session could not be replayed.";
    $("state-more").textContent = String(error.message ?? error);
    $("retry").hidden = false;
    return;
  } finally { clearInterval(ticker); }
  showFacts();
  if (!session.n) {
    $("page").dataset.state = "empty";
    $("state-text").textContent = "No contact was found in this session, so there is nothing to play.";
    $("state-more").textContent = session.sensors.length ? `Sensors: ${session.sensors.join(", ").replaceAll("_", " ")}.` : "It holds no sensor signals.";
    return;
  }
  $("page").dataset.state = "ready";
  $("state").hidden = true;
  for (const id of ["stage", "controls", "time-line", "tools"]) $(id).hidden = false;
  lanes = new Lanes($("lanes"), session);
  sideView = new SideView($("figure"), session);
  cycleView = new CycleView($("cycle"), session);
  strip = new Strip($("strip"), session, api, redraw);
  notes = new Notes({ api, session, strip, player, goTo, redraw, pause: () => setPlaying(false), changed }, told);
  video = new Video({ session, sessionId, player, goTo, pause: () => setPlaying(false) });
  lanes.notes = notes.list;
  showLanesNote();
  $("if-target").placeholder = session.target_spm ?? "from own cadence";
  $("if-band").placeholder = session.band_pct;
  $("if-hold").placeholder = session.hold_s;
  $("lanes").setAttribute("aria-valuemax", Math.round(session.duration_s));
  listMarks();
  // Ten seconds into the first long running, else walking: the change from one to the other looks like neither.
  const long = (mode) => session.segments.find((item) => item[2] === mode && item[1] - item[0] >= 20);
  const first = long("run") ?? long("walk") ?? session.segments.find((item) => item[2] === "run" || item[2] === "walk");
  goTo(first ? first[0] + Math.min(10, 0.5 * (first[1] - first[0])) : 0);
  requestAnimationFrame(frame);
}

/** Other pages of the app: the report, and a comparison with another session of the same records. */
async function links() {
  $("to-report").href = `/report/${encodeURIComponent(sessionId)}`;
  const { get } = await import("/static/app/api.js");
  get("/status").then((status) => { $("patients").hidden = status.runners.length < 2; }, () => {});
  // of whose run this is, whoever was looked at in this tab before
  const { whose } = await fetchJson(`${api}/name`).catch(() => ({ whose: null }));
  const all = await get("/sessions", { runner: whose }).catch(() => []);
  const own = all.find((item) => item.session_id === sessionId);
  const others = all.filter((item) => item.session_id !== sessionId && item.is_present && item.is_analysed);
  $("compare-with").hidden = !others.length;
  $("other").replaceChildren(...others.map((item) => Object.assign(document.createElement("option"), { value: item.session_id, textContent: item.name })));
  const aim = () => {
    const other = others.find((item) => item.session_id === $("other").value);
    // A is the earlier one
    const pair = own && Date.parse(other.started_at) > Date.parse(own.started_at) ? [sessionId, other.session_id] : [other.session_id, sessionId];
    $("to-compare").href = `/compare?a=${encodeURIComponent(pair[0])}&b=${encodeURIComponent(pair[1])}`;
  };
  $("other").onchange = aim;
  if (others.length) aim();
}

function showFacts() {
  const parts = [];
  if (session.started_at) parts.push(moment(session.started_at, session.time_zone));
  parts.push(`${clock(Math.round(session.duration_s))} long`, `sensors: ${session.sensors.map(code).join(", ") || "none"}`);
  if (session.same_cues_as_recorded === true) parts.push("same cues as in the live run");
  else if (session.same_cues_as_recorded === false) parts.push("⚠ this replay gives other cues than the live run gave");
  else parts.push("not coached live, as far as is recorded");
  $("facts").textContent = parts.join(" · ");
  $("title").textContent = session.title;
  document.title = `Replay ${session.title} – tallrun`;
  fetchJson(`${api}/name`).then(({ name, by, whose }) => {
    notes?.sign(by);
    $("title").textContent = whose ? `${whose}: ${name}` : name;
    document.title = `Replay ${$("title").textContent} – tallrun`;
  }).catch(() => {});
}

function showLanesNote() {
  const parts = [];
  if (!session.was_live) parts.push("Hatched: cues this replay would give. Nobody was given them.");
  if (lanes.ifCues) parts.push("What if, hatched: cues with the changed settings.");
  $("lanes-note").textContent = parts.join(" ");
}

function frame(now) {
  if (player.isPlaying) {
    const step = Math.min(0.25, (now - player.last) / 1000);
    player.time = Math.min(session.duration_s, player.time + player.speed * step);
    player.frames += 1;
    if (player.time >= session.duration_s) setPlaying(false);
    draw();
  }
  player.last = now;
  requestAnimationFrame(frame);
}

function redraw() { if (strip) strip.draw(player.time); }

/** After notes or corrections changed. */
function changed() {
  lanes.notes = notes.list;
  lanes.stale = true;
  shownRow = null;
  listMarks();
  draw();
}

function draw() {
  lanes.draw(player.time);
  // with reduced motion the figure stands still at each landing
  const row = session.strideNow(player.time);
  const time = player.isPlaying && isStill.matches && row >= 0 ? session.contacts[row] : player.time;
  const unknown = sideView.draw(time).join(" ");
  cycleView.draw(time);
  strip.draw(player.time);
  video.follow();
  const words = `${clock(player.time)} of ${clock(Math.round(session.duration_s))}`;
  if (clockWords !== words) {
    clockWords = words;
    $("clock-now").textContent = clock(player.time);
    $("clock-end").textContent = clock(Math.round(session.duration_s));
    $("note-at").textContent = clock(player.time);
    $("lanes").setAttribute("aria-valuenow", Math.round(player.time));
    $("lanes").setAttribute("aria-valuetext", words);
  }
  if ($("figure-now").textContent !== unknown) $("figure-now").textContent = unknown;
  showNumbers(row);
}

let shownRow = null;
let clockWords = "";
function showNumbers(row) {
  const mode = session.modeAt(player.time);
  const key = row < 0 ? `no ${mode}` : row;
  if (key === shownRow) return;
  shownRow = key;
  const { strides } = session;
  const foot = row < 0 ? "" : strides.foot[row];
  const reasons = row < 0 || !strides.reasons[row] ? "" : strides.reasons[row].split(";").map(code).join(", ");
  const value = (name, factor, digits, unit) => {
    if (row < 0) return ["–", ""];
    const found = strides[name][row];
    return found === null || found === undefined ? ["withheld", reasons || "not known here"] : [`${(factor * found).toFixed(digits)} ${unit}`, ""];
  };
  const told = row < 0 ? "" : [strides.mode[row], strides.by[row] ? `corrected by ${strides.by[row]}` : ""].filter(Boolean).join(", ");
  const rows = [
    ["Foot", [row < 0 ? "–" : foot ? `${SIDE[foot]} ${foot}` : "not told", row < 0 ? (mode === "stand" ? "standing" : "no stride here") : told]],
    ["Cadence", value("cadence_spm", 1, 0, "steps/min")], ["Contact", value("stance_time_s", 1000, 0, "ms")],
    ["Flight", value("flight_time_s", 1000, 0, "ms")], ["Strike angle", value("foot_strike_angle_deg", 1, 1, "°")],
    ["Stride length", value("stride_length_m", 1, 2, "m")],
  ];
  if (!$("numbers").children.length) $("numbers").append(...rows.map(([label]) => numberBox(label)));
  rows.forEach(([, [shown, why]], place) => {
    const [number, reason] = $("numbers").children[place].querySelectorAll("span, bdi");
    if (number.textContent !== shown) number.textContent = shown;
    if (reason.textContent !== why) reason.textContent = why;
  });
}

function numberBox(label) {
  const box = document.createElement("div");
  const value = document.createElement("dd");
  value.append(document.createElement("span"), " ", Object.assign(document.createElement("bdi"), { className: "soft why" }));
  box.append(Object.assign(document.createElement("dt"), { textContent: label }), value);
  return box;
}

function goTo(time) {
  player.time = Math.min(Math.max(time, 0), session.duration_s);
  draw();
}

function setPlaying(wanted) {
  player.isPlaying = wanted;
  video?.follow();
  $("play").textContent = wanted ? "❚❚ Pause" : "▶ Play";
  $("play").setAttribute("aria-label", wanted ? "Pause" : "Play");
}

function setSpeed(text) {
  player.speed = Number(text);
  $("speed").value = text;
}

function stepStride(direction) {
  setPlaying(false);
  const row = session.strideAt(player.time + 1e-6);
  // going back from inside a stride first goes to its own contact
  const inside = row >= 0 && player.time - session.contacts[row] > 0.02;
  const next = direction < 0 ? (inside ? row : row - 1) : row + 1;
  if (next >= 0 && next < session.n) goTo(session.contacts[next]);
}

function stepMark(direction) {
  const times = jumps.map((item) => item.time);
  const place = direction > 0 ? lastAtOrBefore(times, player.time + 0.05) + 1 : lastAtOrBefore(times, player.time - 0.05);
  if (place >= 0 && place < times.length) { setPlaying(false); goTo(times[place]); }
}

function listMarks() {
  jumps = [
    ...session.flags.map((item) => ({ time: item.start_s, words: `flag: ${FLAG_NAME[item.flag] ?? item.flag}, ${clock(item.end_s - item.start_s)} long` })),
    ...(session.was_live ? [] : session.given_cues.map((item) => ({ time: item.t_s, words: `cue given: ${item.text}` }))),
    ...session.cues.map((item) => ({ time: item.at_s, words: `${session.was_live ? "cue" : "would cue"}: ${item.sentence} (${item.value.toFixed(0)}${item.low === null ? "" : ` against ${item.low.toFixed(0)}–${item.high.toFixed(0)}`})` })),
    ...session.marks.map((item) => ({ time: item.t_s, words: item.kind === "pain" ? `pain ${item.score} of 10` : `${item.kind}: ${item.text}` })),
    ...session.safety.filter((item) => item.action !== "GO_ON").map((item) => ({ time: item.at_s, words: `${session.was_live ? "" : "would "}${item.action}: ${item.sentence}` })),
    ...notes.list.map((item) => ({ time: item.t_s, words: `${item.foot ? `${SIDE[item.foot] ?? item.foot} ` : ""}${ENTRY_NAME[item.kind] ?? item.kind}${item.text ? `: ${item.text}` : ""} (${item.kind.startsWith("contact_") ? "corrected by " : ""}${item.by})` })),
  ].sort((a, b) => a.time - b.time);
  const rows = jumps.map((item) => {
    const line = document.createElement("li");
    const button = Object.assign(document.createElement("button"), { type: "button" });
    button.append(`${clock(item.time)}  `, Object.assign(document.createElement("bdi"), { textContent: item.words }));
    button.addEventListener("click", () => { setPlaying(false); goTo(item.time); });
    line.append(button);
    return line;
  });
  if (!rows.length) rows.push(Object.assign(document.createElement("li"), { className: "soft", textContent: "No flag, cue, pain score or note in this session." }));
  $("marks").replaceChildren(...rows);
}

$("what-if").addEventListener("submit", async (event) => {
  event.preventDefault();
  const asked = new URLSearchParams();
  for (const [id, name] of [["if-target", "target_spm"], ["if-band", "band_pct"], ["if-hold", "hold_s"], ["if-green", "green_limit"], ["if-focus", "focus"]]) {
    if ($(id).value !== "") asked.set(name, $(id).value);
  }
  if (![...asked].length) { $("if-answer").textContent = "Change at least one setting."; return; }
  $("if-answer").textContent = "Running it again …";
  try {
    const found = await fetchJson(`${api}/what-if?${asked}`);
    const count = (list, one) => `${list.length} ${one}${list.length === 1 ? "" : "s"}`;
    const stops = (list) => list.filter((item) => item.action !== "GO_ON");
    $("if-answer").textContent = `${count(found.cues, "cue")} (was ${session.cues.length}), ${count(stops(found.safety), "safety action")} (was ${stops(session.safety).length}).`;
    lanes.ifCues = found.cues;
  } catch (error) { $("if-answer").textContent = error.message; lanes.ifCues = null; }
  showWhatIf();
});
$("if-clear").addEventListener("click", () => { $("what-if").reset(); lanes.ifCues = null; $("if-answer").textContent = ""; showWhatIf(); });
function showWhatIf() {
  lanes.stale = true;
  showLanesNote();
  draw();
}

$("play").addEventListener("click", () => setPlaying(!player.isPlaying));
$("speed").addEventListener("change", () => setSpeed($("speed").value));
$("prev-stride").addEventListener("click", () => stepStride(-1));
$("next-stride").addEventListener("click", () => stepStride(1));
$("prev-flag").addEventListener("click", () => stepMark(-1));
$("next-flag").addEventListener("click", () => stepMark(1));
$("worst").addEventListener("click", () => { setPlaying(false); goTo(worstMinute()); });
$("retry").addEventListener("click", load);

/** Start of the minute with the most flagged seconds; without flags, the one with the least clean strides. */
function worstMinute() {
  const minutes = Math.max(1, Math.ceil(session.duration_s / 60));
  const score = new Float64Array(minutes);
  for (const flag of session.flags) {
    for (let minute = 0; minute < minutes; minute += 1) score[minute] += 1000 * Math.max(0, Math.min(flag.end_s, 60 * minute + 60) - Math.max(flag.start_s, 60 * minute));
  }
  session.strides.quality.forEach((quality, row) => {
    if (session.strides.mode[row] === "run") score[Math.min(minutes - 1, Math.floor(session.contacts[row] / 60))] += 1 - (quality ?? 0);
  });
  return 60 * score.indexOf(Math.max(...score));
}

const line = $("lanes");
const scrub = (event) => { if (session) goTo(lanes.timeAt(event.clientX - line.getBoundingClientRect().left)); };
line.addEventListener("pointerdown", (event) => { line.setPointerCapture(event.pointerId); scrub(event); });
line.addEventListener("pointermove", (event) => { if (event.buttons) scrub(event); });

$("span").addEventListener("change", () => { if (strip) { strip.span = Number($("span").value); redraw(); } });

// the strip: a contact is taken hold of and moved, anything else drags time along
const band = $("strip");
let hold = null;
const inBand = (event) => { const box = band.getBoundingClientRect(); return [event.clientX - box.left, event.clientY - box.top]; };
band.addEventListener("pointerdown", (event) => {
  if (!session || event.button !== 0) return;
  const [x, y] = inBand(event);
  setPlaying(false);
  band.setPointerCapture(event.pointerId);
  const foot = strip.footAt(y);
  if (strip.fix?.kind === "contact_added" && foot) {
    notes.place(foot, strip.timeAt(x));
    hold = { x, row: -1, began: true, at: strip.fix.time };
    return;
  }
  hold = { x, time: player.time, row: session.isAsDetected ? null : strip.contactAt(x, y, event.pointerType), began: false };
});
band.addEventListener("pointermove", (event) => {
  const [x, y] = inBand(event);
  if (!hold) { band.style.cursor = session && strip.contactAt(x, y, event.pointerType) !== null ? "ew-resize" : "grab"; return; }
  const seconds = ((x - hold.x) / strip.plotWidth) * strip.span;
  if (hold.row === null) { goTo(hold.time - seconds); return; }
  if (!hold.began && Math.abs(x - hold.x) < 3) return;
  if (!hold.began) { hold.began = true; notes.startFix(hold.row); hold.at = strip.fix.time; }
  if (strip.fix && strip.fix.kind !== "contact_removed") notes.setTime(hold.at + seconds);
});
band.addEventListener("pointerup", () => {
  if (hold && hold.row !== null && !hold.began) notes.startFix(hold.row);
  hold = null;
});
band.addEventListener("pointercancel", () => { hold = null; });

document.addEventListener("keydown", (event) => {
  if (!lanes || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape" && strip.fix) { notes.endFix(); return; }
  // in the time field a point belongs to a number only once somebody has typed digits into it
  const isNudge = strip.fix && (event.key === "," || event.key === ".");
  const inForm = event.target.closest("#fix-form select, #fix-form input[type=number]");
  if (isNudge && inForm && !notes.isTyping) { notes.nudge(event.key === "," ? -0.005 : 0.005); event.preventDefault(); return; }
  if (event.target.closest("input:not([type=checkbox]), textarea, select")) return;
  if (event.key === " " && event.target.closest("button, summary, a, input")) return;
  if (/^(Page|Home|End)/.test(event.key) && event.target !== $("lanes")) return;
  if (event.key === " ") setPlaying(!player.isPlaying);
  else if (event.key === "ArrowLeft") (event.shiftKey ? stepMark : stepStride)(-1);
  else if (event.key === "ArrowRight") (event.shiftKey ? stepMark : stepStride)(1);
  else if (/^[1-5]$/.test(event.key)) setSpeed(SPEEDS[Number(event.key) - 1]);
  else if (event.key === "PageUp" || event.key === "PageDown") goTo(player.time + (event.key === "PageUp" ? -10 : 10));
  else if (event.key === "Home" || event.key === "End") goTo(event.key === "Home" ? 0 : session.duration_s);
  else if (event.key === "e" || event.key === "E") notes.startFix();
  else if ((event.key === "," || event.key === ".") && strip.fix) notes.nudge(event.key === "," ? -0.005 : 0.005);
  else return;
  event.preventDefault();
});
// the canvases change their size with the window, the text size and what is unfolded
const sizes = new ResizeObserver(() => { if (lanes) { lanes.stale = true; draw(); } });
for (const id of ["figure", "cycle", "strip", "lanes"]) sizes.observe($(id));
window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { if (lanes) { lanes.stale = true; draw(); } });

load();
