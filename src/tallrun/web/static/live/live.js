// The live page: shows what the server says, makes the beat, sends taps.

import { Link } from "./link.js";
import { Metronome, say } from "./metronome.js";
import { WakeLock } from "./wakelock.js";

const SILENT_MS = 900;
const HOLD_MS = 600;
const $ = (id) => document.getElementById(id);

const metronome = new Metronome((state) => {
  $("sound-state").textContent = {
    ready: "Sound is on.",
    asleep: "Sound is asleep. Tap Sound check.",
    interrupted: "Another app took the sound. Tap Sound check when it is done.",
    missing: "This browser has no sound output; cues are shown only.",
  }[state];
  $("setup").hidden = state === "ready" && phase === "running";
});
const wakeLock = new WakeLock((text, isHeld) => { $("wake-state").textContent = (isHeld ? "✓ " : "⚠ ") + text; });

let phase = "waiting";
let lastState = null;
let silence = null;
let lastSpoken = null;

const link = new Link({
  onOpen() { $("link").hidden = true; },
  onLost() {
    $("link").hidden = false;
    $("link").textContent = metronome.isBeating
      ? "No link to the computer. The beat goes on; numbers wait. Reconnecting."
      : "No link to the computer. Reconnecting. Your run goes on being recorded there.";
    greyOut();
  },
  onMessage(message) {
    if (message.type === "state") showState(message);
    else if (message.type === "step") showStep(message.foot);
    else if (message.type === "after") showAfter(message);
  },
});
window.tallrun = { metronome, link };

function greyOut() { $("cadence").dataset.state = "old"; }

function showState(state) {
  lastState = state;
  clearTimeout(silence);
  silence = setTimeout(greyOut, SILENT_MS);
  phase = state.phase;
  $("page").dataset.phase = phase;
  showSensors(state.sensors);
  $("belt").textContent = state.belt_kmh === null ? "" : `belt ${state.belt_kmh.toFixed(1)} km/h${state.incline_pct ? ` · ${state.incline_pct > 0 ? "+" : ""}${state.incline_pct.toFixed(1)} %` : ""}`;
  showCadence(state);
  $("sentence").textContent = state.sentence ?? "";
  $("block").textContent = state.block_text;
  $("clock").textContent = clock(state.run_s);
  if (state.cue && state.cue.tempo_spm && state.cue.mode === "metronome") metronome.start(state.cue);
  else metronome.stop();
  announce(state.cue);
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
      button.append(Object.assign(document.createElement("span"), { className: "mark" }), document.createElement("span"));
      button.addEventListener("click", () => { button.dataset.open = button.dataset.open === "yes" ? "no" : "yes"; });
      item.append(button);
      list.append(item);
    }
    const button = item.firstChild;
    button.dataset.placement = sensor.placement;
    button.dataset.state = sensor.state;
    const received = sensor.received_pct === null ? "–" : `${Math.round(sensor.received_pct)}%`;
    const battery = sensor.battery_pct === null ? "" : ` · battery ${sensor.battery_pct} %`;
    button.lastChild.textContent = sensor.state === "ok"
      ? `${sensor.letter} ${received}${button.dataset.open === "yes" ? battery : ""}`
      : `${sensor.letter} ${sensor.state === "lost" ? "lost" : "…"}`;
    button.setAttribute("aria-label", `${sensor.name}: ${sensor.state === "ok" ? `${received} received` : sensor.state}${battery}`);
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
  if (!question) { if (dialog.open) dialog.close(); return; }
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
  $("stopped").hidden = true;
  closeDialogs();
  cover(true);
  $("after").hidden = false;
  $("after-saved").textContent = after.saved;
  $("after-lines").replaceChildren(...after.lines.map((text) => Object.assign(document.createElement("li"), { textContent: text })));
  const box = $("after-pain");
  box.replaceChildren();
  if (after.ask_pain) {
    const title = Object.assign(document.createElement("h3"), { textContent: "Pain now, 0 to 10" });
    const grid = Object.assign(document.createElement("div"), { className: "scores" });
    scoreButtons(grid, (score) => { link.send({ type: "pain_after", score }); box.textContent = `Noted: ${score}.`; });
    box.append(title, grid);
  }
  $("after-next").textContent = after.next ?? "";
  $("after-report").hidden = !after.report_url;
  if (after.report_url) $("after-report").href = after.report_url;
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
$("limping").addEventListener("click", () => link.send({ type: "limping" }));
$("sound-check").addEventListener("click", async () => {
  if (await metronome.unlock()) metronome.check();
  wakeLock.hold();
});
function askRedFlags() {
  const box = $("red-items");
  box.className = "items";
  box.replaceChildren(...(lastState?.red_flags ?? []).map(({ id, text }) => {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: text });
    button.addEventListener("click", () => { link.send({ type: "red_flag", item: id }); $("red-dialog").close(); });
    return button;
  }));
  $("red-dialog").showModal();
  box.scrollTop = 0;
}
for (const id of ["red-flag", "stop-red-flag"]) $(id).addEventListener("click", askRedFlags);
$("stop-end").addEventListener("click", () => link.send({ type: "stop" }));
$("red-cancel").addEventListener("click", () => $("red-dialog").close());

// STOP: hold 0.6 s, or press twice, or the keyboard (Escape, or Enter twice), so that a shaking hand does not end a run.
const stop = $("stop");
let holdTimer = null;
let lastPress = -Infinity;
let held = false;
const sendStop = () => { stop.classList.remove("holding"); lastPress = -Infinity; link.send({ type: "stop" }); };
stop.addEventListener("pointerdown", () => {
  held = false;
  stop.classList.add("holding");
  holdTimer = setTimeout(() => { held = true; sendStop(); }, HOLD_MS);
});
for (const name of ["pointerup", "pointercancel", "pointerleave"]) {
  stop.addEventListener(name, () => { stop.classList.remove("holding"); clearTimeout(holdTimer); });
}
stop.addEventListener("click", () => {
  if (held) { held = false; return; }
  const now = performance.now();
  if (now - lastPress < 1500) sendStop();
  else lastPress = now;
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !document.querySelector("dialog[open]")) sendStop();
});
