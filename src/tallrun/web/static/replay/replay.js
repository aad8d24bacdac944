// The replay page: loads the session, plays it, jumps, keeps notes, asks for what-if runs.

import { Session, clock, fetchJson, lastAtOrBefore } from "./data.js";
import { CycleView, SideView } from "./figure.js";
import { Lanes } from "./lanes.js";

const $ = (id) => document.getElementById(id);
const sessionId = decodeURIComponent(location.pathname.split("/").filter(Boolean).pop());
const api = `/api/replay/${encodeURIComponent(sessionId)}`;
const SPEEDS = ["0.5", "1", "4", "8", "16"];
const FLAG_NAME = { low_cadence: "low cadence", overstriding: "landing far ahead", anterior_pelvic_tilt: "pelvis tilted forward", asymmetry: "left-right difference" };
const CORRECTION = { note: "note", contact_moved: "contact is elsewhere", contact_removed: "no contact here", contact_added: "contact missed here", flag_doubted: "flag is doubtful" };

const player = { time: 0, isPlaying: false, speed: 1, last: 0, frames: 0 };
let session = null;
let lanes = null;
let sideView = null;
let cycleView = null;
let jumps = [];
let notes = [];
window.tallrunReplay = { player, goTo, get session() { return session; } };

async function load() {
  $("page").dataset.state = "loading";
  $("retry").hidden = true;
  const began = performance.now();
  const ticker = setInterval(() => {
    const seconds = (performance.now() - began) / 1000;
    if (seconds > 2) $("state-more").textContent = `${seconds.toFixed(0)} s so far. An hour of three sensors takes about ten seconds.`;
  }, 500);
  try {
    const page = await fetchJson(api);
    const [waves, kept] = await Promise.all([fetch(`${api}/waves`).then((answer) => answer.arrayBuffer()), fetchJson(`${api}/notes`)]);
    session = new Session(page, waves);
    notes = kept.notes;
  } catch (error) {
    $("page").dataset.state = "error";
    $("state-text").textContent = "This session could not be replayed.";
    $("state-more").textContent = String(error.message ?? error);
    $("retry").hidden = false;
    return;
  } finally { clearInterval(ticker); }
  $("title").textContent = session.title;
  document.title = `Replay ${session.title} – tallrun`;
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
  lanes.notes = notes;
  sideView = new SideView($("figure"), session);
  cycleView = new CycleView($("cycle"), session);
  $("if-target").placeholder = session.target_spm ?? "from own cadence";
  $("if-band").placeholder = session.band_pct;
  $("if-hold").placeholder = session.hold_s;
  $("lanes").setAttribute("aria-valuemax", Math.round(session.duration_s));
  listMarks();
  listNotes();
  const first = session.segments.find((item) => item[2] === "run");
  goTo(first ? first[0] + 1 : 0);
  requestAnimationFrame(frame);
}

function showFacts() {
  const parts = [];
  if (session.started_at) parts.push(new Date(session.started_at).toLocaleString());
  parts.push(`${clock(session.duration_s)} long`, `sensors: ${session.sensors.join(", ").replaceAll("_", " ")}`);
  if (session.set_up === "defaults") parts.push("how it was coached is not recorded; defaults are shown");
  else if (session.same_cues_as_recorded === true) parts.push("same cues as in the live run");
  else if (session.same_cues_as_recorded === false) parts.push("⚠ other cues than in the live run");
  $("facts").textContent = parts.join(" · ");
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

function draw() {
  lanes.draw(player.time);
  sideView.draw(player.time);
  cycleView.draw(player.time);
  const words = `${clock(player.time)} of ${clock(session.duration_s)}`;
  if ($("clock").textContent !== words) {
    $("clock").textContent = words;
    $("note-at").textContent = clock(player.time);
    $("lanes").setAttribute("aria-valuenow", Math.round(player.time));
    $("lanes").setAttribute("aria-valuetext", words);
  }
  showNumbers();
}

let shownRow = null;
function showNumbers() {
  const row = session.strideAt(player.time);
  if (row === shownRow) return;
  shownRow = row;
  const { strides } = session;
  const foot = row < 0 ? "" : strides.foot[row];
  const reasons = row < 0 || !strides.reasons[row] ? "" : strides.reasons[row].split(";").join(", ").replaceAll("_", " ");
  const value = (name, factor, digits, unit) => {
    const found = row < 0 ? null : strides[name][row];
    return found === null || found === undefined ? ["withheld", reasons || "not known here"] : [`${(factor * found).toFixed(digits)} ${unit}`, ""];
  };
  const rows = [
    ["Foot", [foot === "left" ? "● L left" : foot === "right" ? "■ R right" : "not told", row < 0 ? "" : strides.mode[row]]],
    ["Cadence", value("cadence_spm", 1, 0, "steps/min")], ["Contact", value("stance_time_s", 1000, 0, "ms")],
    ["Flight", value("flight_time_s", 1000, 0, "ms")], ["Strike angle", value("foot_strike_angle_deg", 1, 1, "°")],
    ["Stride length", value("stride_length_m", 1, 2, "m")],
  ];
  $("numbers").replaceChildren(...rows.map(([label, [shown, why]]) => {
    const box = document.createElement("div");
    const name = Object.assign(document.createElement("dt"), { textContent: label });
    const number = Object.assign(document.createElement("dd"), { textContent: shown });
    if (why) number.append(Object.assign(document.createElement("span"), { className: "soft why", textContent: ` ${why}` }));
    box.append(name, number);
    return box;
  }));
}

function goTo(time) {
  player.time = Math.min(Math.max(time, 0), session.duration_s);
  draw();
}

function setPlaying(wanted) {
  player.isPlaying = wanted;
  $("play").textContent = wanted ? "❚❚ Pause" : "▶ Play";
  $("play").setAttribute("aria-pressed", String(wanted));
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
    ...session.cues.map((item) => ({ time: item.at_s, words: `cue: ${item.sentence} (${item.value.toFixed(0)}${item.low === null ? "" : ` against ${item.low.toFixed(0)}–${item.high.toFixed(0)}`})` })),
    ...session.marks.map((item) => ({ time: item.t_s, words: item.kind === "pain" ? `pain ${item.score} of 10` : `${item.kind}: ${item.text}` })),
    ...session.safety.filter((item) => item.action !== "GO_ON").map((item) => ({ time: item.at_s, words: `${item.action}: ${item.sentence}` })),
    ...notes.map((item) => ({ time: item.t_s, words: `${CORRECTION[item.kind] ?? item.kind}${item.foot ? ` (${item.foot})` : ""}: ${item.text}` })),
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

function listNotes() {
  $("notes").replaceChildren(...notes.map((item) => {
    const line = document.createElement("li");
    const words = document.createElement("bdi");
    words.dir = "auto";
    words.textContent = `${CORRECTION[item.kind] ?? item.kind}${item.foot ? `, ${item.foot} foot` : ""}${item.moved_to_s === null ? "" : `, to ${item.moved_to_s.toFixed(3)} s`}${item.text ? `: ${item.text}` : ""}`;
    const who = Object.assign(document.createElement("p"), { className: "soft", textContent: `${clock(item.t_s)} · ${item.by} · ${new Date(item.at).toLocaleString()}` });
    const back = Object.assign(document.createElement("button"), { type: "button", textContent: "Take back" });
    back.addEventListener("click", () => addNote({ kind: "taken_back", t_s: item.t_s, about: item.overlay_id }));
    line.append(words, who, back);
    return line;
  }));
}

async function addNote(entry) {
  const by = $("note-by").value.trim();
  if (!by) { $("note-answer").textContent = "Say who enters this."; $("note-by").focus(); return; }
  try {
    await fetchJson(`${api}/notes`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ by, ...entry }) });
    notes = (await fetchJson(`${api}/notes`)).notes;
    $("note-answer").textContent = entry.kind === "taken_back" ? "Taken back; the entry stays in the log." : "Kept.";
    lanes.notes = notes;
    lanes.stale = true;
    listNotes();
    listMarks();
    draw();
  } catch (error) { $("note-answer").textContent = error.message; }
}

$("note-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const kind = $("note-kind").value;
  const entry = { kind, t_s: Number(player.time.toFixed(3)), text: $("note-text").value };
  if (kind.startsWith("contact_")) entry.foot = $("note-foot").value;
  if (kind === "contact_moved") entry.moved_to_s = $("note-moved").value === "" ? null : Number($("note-moved").value);
  await addNote(entry);
  $("note-text").value = "";
});
$("note-kind").addEventListener("change", () => {
  $("foot-field").hidden = !$("note-kind").value.startsWith("contact_");
  $("moved-field").hidden = $("note-kind").value !== "contact_moved";
});

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
  lanes.stale = true;
  draw();
});
$("if-clear").addEventListener("click", () => { $("what-if").reset(); lanes.ifCues = null; lanes.stale = true; $("if-answer").textContent = ""; draw(); });

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

document.addEventListener("keydown", (event) => {
  if (!lanes || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input, textarea, select")) return;
  if (event.key === " " && event.target.closest("button, summary")) return;
  if (event.key === " ") setPlaying(!player.isPlaying);
  else if (event.key === "ArrowLeft") (event.shiftKey ? stepMark : stepStride)(-1);
  else if (event.key === "ArrowRight") (event.shiftKey ? stepMark : stepStride)(1);
  else if (/^[1-5]$/.test(event.key)) setSpeed(SPEEDS[Number(event.key) - 1]);
  else return;
  event.preventDefault();
});
window.addEventListener("resize", () => { if (lanes) { lanes.stale = true; draw(); } });
window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { if (lanes) { lanes.stale = true; draw(); } });

load();
