// The live page: shows what the server says, makes the beat, sends taps.

import { Intervals } from "./intervals.js";
import { Link } from "./link.js";
import { Metronome, say } from "./metronome.js";
import { WakeLock } from "./wakelock.js";

const SILENT_MS = 900;
const ACKNOWLEDGE_MS = 1000;
const $ = (id) => document.getElementById(id);

const metronome = new Metronome((state) => {
  $("sound-state").textContent = {
    ready: "Sound is on.",
    asleep: "Sound is asleep. Tap Sound check.",
    interrupted: "Another app took the sound. Tap Sound check when it is done.",
    missing: "This browser has no sound output; cues are shown only.",
  }[state];
  $("setup").hidden = state === "ready" && phase === "running";
  intervals.book();  // on the clock that goes now
});
const wakeLock = new WakeLock((text, isHeld) => { $("wake-state").textContent = (isHeld ? "✓ " : "⚠ ") + text; });

let phase = "waiting";
let lastState = null;
let silence = null;
let lastSpoken = null;

let isLinkDown = false;
let refusal = "";

const link = new Link({
  onState({ silentMs, isSlow, unanswered }) {
    isLinkDown = isSlow;
    if (isSlow) greyOut();
    showLink(silentMs);
    showUnanswered(unanswered);
  },
  onAnswer(tap, answer) {
    if (answer.outcome !== "refused") return;
    refusal = `${TAP_NAMES[tap.type] ?? "A tap"} was not taken. ${answer.text}`;
    setTimeout(() => { refusal = ""; }, 8000);
  },
  onMessage(message, lateS) {
    if (message.type === "state") showState(message, lateS);
    else if (message.type === "step") showStep(message.foot);
    else if (message.type === "after") showAfter(message);
    else if (message.type === "trouble") showNotices(message.sentences);
  },
});
const intervals = new Intervals(metronome, link);
window.tallrun = { metronome, link, intervals };

const TAP_NAMES = { stop: "STOP", limping: "Limping", pain: "Pain", red_flag: "The warning sign", undo: "Undo", skip: "Skip", repeat: "Again", end_early: "End early" };

// Whether the computer still records cannot be seen from here, so the page does not claim it.
function showLink(silentMs) {
  const box = $("link");
  const isOver = !$("after").hidden;
  box.hidden = !isLinkDown || isOver;
  if (box.hidden) return;
  const since = `${Math.max(1, Math.round(silentMs / 1000))} s`;
  box.textContent = `No word from the computer for ${since}.${metronome.isBeating ? " The beat goes on; numbers wait." : ""} Taps are kept and sent again.`;
}

function showUnanswered(taps) {
  const late = taps.filter((tap) => tap.ageMs > ACKNOWLEDGE_MS || isLinkDown);
  const box = $("unsent");
  const words = late.map((tap) => `${TAP_NAMES[tap.type] ?? "A tap"}${tap.type === "pain" ? ` ${tap.score}` : ""}: not received yet. Kept and sent again; or tap again.`);
  if (late.some((tap) => tap.type === "stop" || tap.type === "limping" || tap.type === "red_flag")) words.push("Stop running yourself; do not wait for this page.");
  if (refusal) words.push(refusal);
  const text = words.join(" ");
  if (box.textContent !== text) box.textContent = text;
  box.hidden = text === "";
}

function showNotices(sentences) {
  const box = $("notices");
  const text = sentences.join(" ");
  if (box.textContent !== text) box.textContent = text;
  box.hidden = text === "";
}

// What was tapped and can still be taken back. It comes with the state, so a reloaded or a second page shows it, too.
const HELD_WORDS = {
  stop: "Stopped. The run ends and is saved in",
  limping: "Limping: stop running, walk. It counts in",
  red_flag: "Warning sign: stop running. It counts in",
};

let heldUntil = new Map();

function showHeld(held, lateS) {
  const now = performance.now() - 1000 * lateS;
  heldUntil = new Map(held.map((item) => [item.tap_id, { kind: item.kind, at: now + 1000 * item.left_s }]));
  const box = $("held");
  const known = new Set([...box.children].map((row) => row.dataset.tap));
  for (const row of [...box.children]) if (!heldUntil.has(row.dataset.tap)) row.remove();
  for (const [id, { kind }] of heldUntil) if (!known.has(id)) box.append(heldRow(id, kind));
  box.hidden = held.length === 0;
  countDown();
}

function heldRow(id, kind) {
  const row = Object.assign(document.createElement("div"), { className: "held" });
  row.dataset.tap = id;
  row.dataset.kind = kind;
  const undo = Object.assign(document.createElement("button"), { type: "button", className: "undo", textContent: "Undo" });
  undo.addEventListener("click", () => link.send({ type: "undo", of: id }));
  row.append(document.createElement("p"), undo);
  if (kind === "stop") {
    const end = Object.assign(document.createElement("button"), { type: "button", className: "end", textContent: "End now" });
    end.addEventListener("click", () => link.send({ type: "stop", now: true }));
    row.append(end);
  }
  return row;
}

function countDown() {
  for (const row of $("held").children) {
    const item = heldUntil.get(row.dataset.tap);
    if (item) row.firstChild.textContent = `${HELD_WORDS[item.kind] ?? item.kind} ${Math.max(0, Math.ceil((item.at - performance.now()) / 1000))} s`;
  }
}
setInterval(countDown, 250);

// The beat ends with the tap, before any answer: what the person said outranks it.
function tapUrgent(message) {
  metronome.stop();
  intervals.quiet();
  window.speechSynthesis?.cancel();
  closeDialogs();
  silencedCue = lastState?.cue?.id ?? null;
  link.send(message);
}
let silencedCue = null;

function greyOut() { $("cadence").dataset.state = "old"; }

function showState(state, lateS) {
  lastState = state;
  clearTimeout(silence);
  silence = setTimeout(greyOut, SILENT_MS);
  phase = state.phase;
  $("page").dataset.phase = phase;
  showSensors(state.sensors);
  $("belt").textContent = state.belt_kmh === null ? "" : `belt ${state.belt_kmh.toFixed(1)} km/h${state.incline_pct ? ` · ${state.incline_pct > 0 ? "+" : ""}${state.incline_pct.toFixed(1)} %` : ""}`;
  $("so-far").textContent = (state.so_far ?? []).join(" · ");
  intervals.show(state, Boolean(state.stop || state.question || state.held?.length), lateS);  // first: it takes room
  showCadence(state);
  $("sentence").textContent = state.sentence ?? "";
  $("block").textContent = state.block_text;
  $("clock").textContent = clock(state.run_s);
  if (state.cue && state.cue.id !== silencedCue && state.cue.tempo_spm && state.cue.mode === "metronome") metronome.start(state.cue, lateS);
  else metronome.stop();
  announce(state.cue);
  showHeld(state.held ?? [], lateS);
  showNotices(state.notices ?? []);
  showQuestion(state.question);
  showStop(state.stop);
}

function showSensors(sensors) {
  const list = $("sensors");
  while (list.children.length > sensors.length) list.lastChild.remove();
  sensors.forEach((sensor, place) => {
    let item = list.children[place];
    if (!item) {
      item = document.createElement("li");
      const button = document.createElement("button");
      button.type = "button";
      button.className = "light";
      button.append(Object.assign(document.createElement("span"), { className: "mark" }), Object.assign(document.createElement("span"), { className: "cell" }), document.createElement("span"));
      button.addEventListener("click", () => { button.dataset.open = button.dataset.open === "yes" ? "no" : "yes"; });
      item.append(button);
      list.append(item);
    }
    const button = item.firstChild;
    button.dataset.placement = sensor.placement;
    button.dataset.state = sensor.state;
    const battery = sensor.battery_pct === null ? "battery not known" : `battery ${sensor.battery_pct} %`;
    const signal = sensor.signal ? `signal ${sensor.signal} when it connected` : "signal not known";
    const received = sensor.received_pct === null ? "" : `, ${Math.round(sensor.received_pct)} % of its data came through`;
    const isLevelShown = sensor.state === "ok" && sensor.battery_pct !== null && button.dataset.open !== "yes";
    button.children[1].hidden = !isLevelShown;
    if (isLevelShown) button.children[1].style.setProperty("--level", `${sensor.battery_pct}%`);
    const word = { ok: sensor.battery_pct === null ? "✓" : `${sensor.battery_pct}%`, lost: "lost", connecting: "…" }[sensor.state];
    button.dataset.low = sensor.is_low ? "yes" : "no";
    button.lastChild.textContent = button.dataset.open === "yes" ? `${sensor.name}: ${battery}, ${signal}${received}` : `${sensor.letter} ${word}`;
    button.setAttribute("aria-label", `${sensor.name}: ${sensor.state === "ok" ? "connected" : sensor.state}, ${battery}, ${signal}${received}`);
  });
}

function showCadence(state) {
  const known = state.cadence_spm !== null;
  $("digits").textContent = known ? Math.round(state.cadence_spm) : "–";
  fitDigits();
  const band = state.band;
  const side = !known ? "unknown" : !band ? "plain" : state.cadence_spm < band[0] ? "below" : state.cadence_spm > band[1] ? "above" : "in";
  $("cadence").dataset.state = side;
  const verdict = $("verdict");
  verdict.dataset.state = side;
  verdict.textContent = !known ? state.cadence_text : { plain: "", in: "✓ in your band", below: "↑ a little quicker", above: "↓ a little slower" }[side];
  const box = $("band");
  box.dataset.known = band ? "yes" : "no";
  if (band) {
    const width = band[1] - band[0];
    const low = band[0] - 1.6 * width;
    const high = band[1] + 1.6 * width;
    $("band-low").textContent = Math.round(band[0]);
    $("band-high").textContent = Math.round(band[1]);
    $("needle").style.visibility = known ? "visible" : "hidden";
    if (known) $("needle").style.left = `${Math.min(100, Math.max(0, (100 * (state.cadence_spm - low)) / (high - low)))}%`;
    box.setAttribute("aria-label", `Target ${Math.round(band[0])} to ${Math.round(band[1])}${known ? `, now ${Math.round(state.cadence_spm)}` : ""}`);
  } else {
    $("band-low").textContent = "";
    $("band-high").textContent = "";
    box.setAttribute("aria-label", "No target shown");
  }
}

// Three wide digits at a quarter of the height may be broader than a phone: squeeze them, keep the height.
function fitDigits() {
  const digits = $("digits");
  digits.style.transform = "none";
  const room = $("cadence").clientWidth;
  const width = digits.offsetWidth;
  const scale = Math.min(1, room / width);
  digits.style.transform = `translateX(${(room - width * Math.max(scale, 0)) / 2 - digits.offsetLeft}px) scaleX(${scale})`;
}
window.addEventListener("resize", fitDigits);

function showStep(foot) {
  const mark = $(foot === "left" ? "beat-left" : "beat-right");
  mark.classList.add("on");
  setTimeout(() => mark.classList.remove("on"), 160);
}

function announce(cue) {
  if (!cue || cue.id === lastSpoken) return;
  lastSpoken = cue.id;
  if (cue.mode === "voice") say(cue.sentence, cue.volume);
  if (cue.mode === "tone") metronome.tone(cue.volume);
}

function showQuestion(question) {
  const dialog = $("question-dialog");
  if (!question || heldUntil.size) { if (dialog.open) dialog.close(); return; }
  if (dialog.open && dialog.dataset.id === String(question.id)) return;
  dialog.dataset.id = question.id;
  $("question-title").textContent = question.text;
  const box = $("question-scores");
  box.replaceChildren();
  box.className = "scores";
  scoreButtons(box, (score) => { link.send({ type: "pain", score }); dialog.close(); });
  if (!dialog.open) dialog.showModal();
}

let stopShown = null;

// What lies under the stop can be neither pressed nor heard. The same stop comes with every state: only a new one speaks.
function showStop(stop) {
  const told = JSON.stringify(stop ?? null);
  if (told === stopShown || !$("after").hidden) return;
  stopShown = told;
  $("stopped").hidden = !stop;
  cover(Boolean(stop));
  if (!stop) return;
  metronome.stop();
  closeDialogs();
  $("stop-sentence").textContent = stop.sentence;
  $("stop-next").textContent = stop.next;
  $("stop-reason").textContent = stop.reason;
  $("stop-undo").textContent = stop.undo ?? "";
  $("stop-rule").textContent = stop.rule ? `Rule ${stop.rule}. Not a medical device; your clinician's plan comes first.` : "";
  $("stop-red-flag").hidden = !lastState?.red_flags?.length;
  $("stop-sentence").focus();
}

function cover(on) {
  $("page").inert = on;
  if (on) $("page").setAttribute("aria-hidden", "true");
  else $("page").removeAttribute("aria-hidden");
}

function closeDialogs() {
  for (const id of ["pain-dialog", "question-dialog", "red-dialog"]) if ($(id).open) $(id).close();
}

function showAfter(after) {
  metronome.stop();
  intervals.quiet();
  $("stopped").hidden = true;
  closeDialogs();
  cover(true);
  for (const id of ["link", "held"]) $(id).hidden = true;
  $("after").hidden = false;
  $("after-saved").textContent = after.saved;
  $("after-rows").replaceChildren(...after.rows.flatMap(({ name, value }) => [
    Object.assign(document.createElement("dt"), { textContent: name }),
    Object.assign(document.createElement("dd"), { textContent: value }),
  ]));
  $("after-lines").replaceChildren(...after.lines.map((text) => Object.assign(document.createElement("li"), { textContent: text })));
  $("after-next").textContent = after.next ?? "";
  $("after-report").hidden = !after.report_url;
  if (after.report_url) $("after-report").href = after.report_url;
  $("after-go-on").hidden = !after.next_url;
  if (after.next_url) $("after-go-on").href = after.next_url;
  // once all is saved, what was said here stands above the questions there
  if (after.next_url && after.rows.length) location.replace(after.next_url);
}

function scoreButtons(box, choose) {
  for (let score = 0; score <= 10; score += 1) {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: score });
    button.setAttribute("aria-label", `Pain ${score} of 10`);
    button.addEventListener("click", () => choose(score));
    box.append(button);
  }
}

function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds ?? 0));
  const minutes = Math.floor(whole / 60) % 60;
  const hours = Math.floor(whole / 3600);
  const tail = `${String(minutes).padStart(hours ? 2 : 1, "0")}:${String(whole % 60).padStart(2, "0")}`;
  return hours ? `${hours}:${tail}` : tail;
}

$("scores").className = "scores";
scoreButtons($("scores"), (score) => { link.send({ type: "pain", score }); $("pain-dialog").close(); });
$("pain").addEventListener("click", () => $("pain-dialog").showModal());
$("pain-cancel").addEventListener("click", () => $("pain-dialog").close());
$("limping").addEventListener("click", () => tapUrgent({ type: "limping" }));
$("sound-check").addEventListener("click", async () => {
  if (await metronome.unlock()) metronome.check();
  wakeLock.hold();
});
function askRedFlags() {
  const box = $("red-items");
  box.className = "items";
  box.replaceChildren(...(lastState?.red_flags ?? []).map(({ id, text }) => {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: text });
    button.addEventListener("click", () => { tapUrgent({ type: "red_flag", item: id }); $("red-dialog").close(); });
    return button;
  }));
  $("red-dialog").showModal();
  box.scrollTop = 0;
}
for (const id of ["red-flag", "stop-red-flag"]) $(id).addEventListener("click", askRedFlags);
$("stop-end").addEventListener("click", () => tapUrgent({ type: "stop", now: true }));
$("question-stop").addEventListener("click", () => sendStop());
$("red-cancel").addEventListener("click", () => $("red-dialog").close());

// STOP: one press stops. A slip is taken back with Undo, which stays for some seconds; a hand that shakes presses no more
// than once, for the server holds one stop at a time.
const sendStop = () => tapUrgent({ type: "stop" });
$("stop").addEventListener("click", sendStop);
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !document.querySelector("dialog[open]") && $("after").hidden) sendStop();
});
