// Sensors and settings: who runs, what is paired, and the rights over the records.

import { download, forgetRunner, get, post } from "./api.js";
import { card, choose, dayOf, el, field, lengthUnit, number, pace, plainButton, say, stackedTable, svg, weekStarts, when, words } from "./dom.js";
import { isOn, turnOff, turnOn, whyNot } from "./remind.js";
import { anotherPhone } from "./run.js";
import { setupForm } from "./setup.js";
import { attempt } from "./states.js";

const MARKS = {
  foot_left: ["L", "left", "Left foot"], foot_right: ["R", "right", "Right foot"], pelvis: ["P", "pelvis", "Pelvis"], trunk: ["T", "pelvis", "Trunk"],
  treadmill: ["B", "other", "Treadmill"], heart_rate: ["H", "other", "Heart-rate strap"], foot_pod: ["F", "other", "Foot pod"],
};

export async function show(body, { heading, status, again }) {
  const [profile, sensors, log] = await Promise.all([get("/profile"), get("/sensors"), get("/access-log")]);
  const clinic = await get("/clinic");
  heading.textContent = "Sensors and settings";
  body.className = "page two";
  body.replaceChildren(
    el("div", { class: "column" }, sensorCard(sensors), profileCard(profile, status, again), shownCard(again), clinicCard(clinic), logCard(log)),
    el("div", { class: "column" }, await phoneCard(), takeCard(), eraseCard(status, body), aboutCard(status)));
}

function sensorCard(found) {
  if (found.message) return card("Sensors", el("p", {}, found.message));
  if (!found.sensors.length) return card("Sensors", el("p", {}, "No sensor is paired yet."), el("div", { class: "row" }, pairButton()));
  return card("Sensors", el("ul", {}, found.sensors.map((item) => {
    const [letter, side, name] = MARKS[item.placement] ?? ["·", "other", words(item.placement)];
    return el("li", { class: "sensor" }, el("span", { class: "place", data: { side }, "aria-hidden": "true" }, letter), el("div", {},
      el("p", {}, el("strong", {}, name)), el("p", { class: "small soft free" }, `${item.name || "no name"} · ${item.config}`), el("p", { class: "small soft free" }, `${item.address}`),
      el("p", { class: "small" }, item.calibrated_at ? `✓ Standing check passed ${when(item.calibrated_at)}` : "○ No standing check yet: it is a step before a run")));
  })));
}

/** To the sensors, with no run begun; while a run goes on its own page says so. */
function pairButton() {
  return plainButton("Pair sensors", async (event) => {
    event.currentTarget.disabled = true;
    try { await post("/run/step", { do: "sensors" }); } catch { /* said there */ }
    location.assign("/run");
  }, { id: "pair-sensors" });
}

function profileCard(profile, status, again) {
  const place = el("div", {});
  const facts = [["side and site", `${profile.side} ${words(profile.site)}`], ["time zone", profile.time_zone], ["date of birth", profile.born_on ? dayOf(profile.born_on, { day: "numeric", month: "long", year: "numeric" }) : "not entered"],
    ["leg length", profile.leg_length_m ? `${number(profile.leg_length_m, 2)} m` : profile.height_m ? `not entered; about ${number(0.53 * profile.height_m, 2)} m from your height` : "not entered"], ["height", profile.height_m ? `${number(profile.height_m, 2)} m` : "not entered"], ["mass", profile.mass_kg ? `${number(profile.mass_kg, 1)} kg` : "not entered"],
    ["easy pace", pace(profile.easy_speed_mps) ?? "not entered"], ["best pace", pace(profile.fast_speed_mps) ?? "not entered"]];
  return card("Who runs", el("dl", { class: "facts" }, facts.map(([what, value]) => [el("dt", {}, what), el("dd", { class: "free" }, value)])),
    plainButton("Change", () => { place.replaceChildren(setupForm({ ...profile, code: status.runners.length === 1 ? status.runners[0] : status.chosen }, again)); place.querySelector("select").focus(); }), place);
}

/** Unit of way and first day of the week; the page is drawn anew with them. */
function shownCard(again) {
  const trouble = el("div", {});
  const length = choose([["km", "Kilometres, min/km"], ["mile", "Miles, min/mile"]], lengthUnit());
  const week = choose([["monday", "Monday"], ["sunday", "Sunday"]], weekStarts());
  for (const box of [length, week]) box.addEventListener("change", () => attempt(box, trouble, async () => {
    await post("/shown", { length: length.value, week_starts: week.value });
    say("Kept.");
    await again();
  }));
  return card("How numbers are shown", el("div", { class: "fields" }, field("Distance and pace", length), field("A week begins on", week)), trouble, el("p", { class: "hint" }, "A report shows the unit that was set when it was made."));
}

function clinicCard(clinic) {
  const trouble = el("div", {});
  const name = el("input", { value: clinic.clinician, maxlength: 80, autocomplete: "name", dir: "auto" });
  const head = el("textarea", { rows: 3, maxlength: 400, dir: "auto" });
  head.value = clinic.letterhead;
  const save = el("button", {}, "Keep");
  return card("Clinic", el("form", { on: { submit: async (event) => {
    event.preventDefault();
    if (await attempt(save, trouble, () => post("/clinic", { clinician: name.value, letterhead: head.value }))) say("Kept.");
  } } },
  field("Clinician’s name", name, "Exports, notes and limits are signed with it, and it stands in the access log. Leave it empty where a runner keeps records alone."),
  field("Letterhead", head, "On top of the report, the comparison and the hand-out; its first line stands on every sheet."), trouble, el("p", {}, save)));
}

/** Which phones may open the pages, the code for one more, and what a phone can do where. */
async function phoneCard() {
  const box = el("div", {});
  const draw = (door) => box.replaceChildren(
    el("ul", {}, door.phones.map((phone) => el("li", { class: "row spread" }, el("span", {}, `Paired ${when(phone.paired_at)}`),
      plainButton("Unpair", (event) => attempt(event.currentTarget, trouble, async () => { draw(await post("/door/unpair", { name: phone.name })); say("That phone is shut out."); }))))),
    door.lan_url ? el("p", { class: "small soft" }, door.phones.length ? "A phone stays paired until it is unpaired here." : "No phone is paired yet.") : el("p", {}, "Only this computer can open the pages now. For a phone on the same Wi-Fi start it with ", command("tallrun serve --lan"), "."));
  const trouble = el("div", {});
  draw(await get("/door"));
  return card("Phones", trouble, box, await anotherPhone(),
    window.isSecureContext ? el("p", { class: "small" }, "To keep it like an app: open the browser's menu and choose Add to home screen or Install.") : tlsSteps(), remindRow(),
    el("div", { class: "row" }, el("a", { class: "button", href: "/api/due.ics", download: "tallrun.ics" }, "Reminders for my calendar")),
    el("p", { class: "hint" }, "The reminders name no pain and no score: only that an answer is due."));
}

const command = (text) => el("code", { class: "nowrap" }, text);

/** Reminders of this browser: a switch where it can, plain words where it cannot. */
function remindRow() {
  const why = whyNot();
  if (why) return why === "missing" ? el("p", { class: "small" }, "This browser cannot remind. Use the calendar below.") : null;
  const trouble = el("div", { class: "trouble" });
  const note = el("p", { class: "hint" });
  const button = plainButton("", (event) => attempt(event.currentTarget, trouble, async () => {
    if (isOn()) await turnOff();
    else if (!(await turnOn())) throw new Error("The browser was told not to let tallrun remind. Its settings for this page change that.");
    draw();
    say(isOn() ? "Reminders are on." : "Reminders are off.");
  }), { id: "remind" });
  const draw = () => {
    button.textContent = isOn() ? "✓ This browser reminds: turn off" : "Let this browser remind me";
    button.setAttribute("aria-pressed", String(isOn()));
    note.textContent = "It says only that an answer is due. It comes while these pages are open somewhere in this browser and the computer answers; a phone asleep may miss it. The calendar below does not.";
  };
  draw();
  return el("div", {}, el("div", { class: "row" }, button), note, trouble);
}

/** What plain http cannot do, and the way that can, in three steps. */
function tlsSteps() {
  const draw = (label, ...shapes) => svg("svg", { viewBox: "0 0 64 48", role: "img", "aria-label": label, class: "step-picture" }, shapes);
  const line = (d, more = {}) => svg("path", { d, fill: "none", stroke: "currentColor", "stroke-width": 3, "stroke-linecap": "round", "stroke-linejoin": "round", ...more });
  return el("details", { id: "tls-steps" }, el("summary", {}, "Reminders, screen on, kept pages: how"),
    el("p", { class: "small" }, "Over plain http a phone does not let these pages remind you, keep the screen on for sure, or open while the computer is away. Over https it does:"),
    el("ol", { class: "steps" },
      el("li", {}, draw("A computer with a line to type", line("M8 6 H56 V36 H8 Z"), line("M16 18 l6 5 l-6 5 M28 28 h12"), line("M22 44 h20")), el("span", {}, "On the computer start ", command("tallrun serve --lan --tls"), ".")),
      el("li", {}, draw("A phone that warns", line("M20 3 H44 V45 H20 Z"), line("M32 14 L40 29 H24 Z", { stroke: "var(--warn)" }), line("M32 20 v4", { stroke: "var(--warn)" })), el("span", {}, "Scan its code. The phone warns once: this computer made its certificate itself. Open the details there and go on.")),
      el("li", {}, draw("A lock and a bell", line("M10 22 H30 V42 H10 Z M14 22 v-6 a6 6 0 0 1 12 0 v6"), line("M40 36 h18 l-3 -4 v-8 a6 6 0 0 0 -12 0 v8 Z M47 40 a2 2 0 0 0 4 0")), el("span", {}, "Come back to this page there and let it remind you."))));
}

function takeCard() {
  const trouble = el("div", {});
  const take = (text, path, body, name) => plainButton(text, (event) => attempt(event.currentTarget, trouble, async () => { await download(path, body, name); say("The file is in your downloads."); }));
  return card("Your records are yours", el("p", {}, "Everything is on this computer only. A file you take out is not encrypted; keep it where only you can read it."), trouble,
    el("div", { class: "row" }, take("Export all", "/export", {}, "tallrun-export.zip"), take("Export without names and dates", "/export", { deidentify: true }, "tallrun-export-deidentified.zip"), take("Back up", "/backup", {}, "tallrun-backup.zip")),
    el("p", { class: "hint" }, "Without names: no ids, dates, free text or signals. A rare history can still be recognised. A backup is put back with: tallrun data restore FILE"));
}

function eraseCard(status, body) {
  const trouble = el("div", {});
  const word = el("input", { autocomplete: "off", autocapitalize: "off", spellcheck: "false" });
  const only = el("input", { type: "checkbox", checked: status.runners.length > 1 });
  const outside = el("textarea", { rows: 2, autocapitalize: "off", spellcheck: "false" });
  const button = el("button", { class: "danger", disabled: true }, "Erase for good");
  word.addEventListener("input", () => { button.disabled = word.value.trim() !== "erase"; });
  const form = el("form", { on: { submit: async (event) => {
    event.preventDefault();
    const receipt = await attempt(button, trouble, () => post("/erase", { confirm: word.value.trim(), only_this_runner: only.checked, also_outside: outside.value.split("\n").map((line) => line.trim()).filter(Boolean) }));
    if (!receipt) return;
    forgetRunner();
    body.className = "page";
    body.replaceChildren(el("section", { class: "card" }, receiptView(receipt)));
    body.querySelector("h2").focus();
    say("Erased. The receipt is shown.");
  } } },
  el("p", {}, "This removes the records, session folders and reports for good. Backups, exports and copies elsewhere are not reached from here."),
  status.runners.length > 1 ? el("label", { class: "tick" }, only, "Only the runner shown now") : null,
  field("Also these folders outside the data folder, one a line (leave empty for none)", outside),
  field("Type erase to go on", word), trouble, el("p", {}, button));
  return card("Erase", el("details", {}, el("summary", {}, "Erase the records"), form));
}

function receiptView(receipt) {
  const list = (title, items) => (items.length ? [el("h3", {}, title), el("ul", { class: "small free" }, items.map((text) => el("li", {}, text)))] : null);
  const path = (item) => `${item.what}: ${item.path}${item.bytes === undefined ? "" : ` (${item.bytes.toLocaleString("en")} bytes)`}${item.why ? ` – ${item.why}` : ""}`;
  const file = new Blob([JSON.stringify(receipt, null, 1)], { type: "application/json" });
  return el("div", {}, el("h2", { tabindex: "-1" }, receipt.complete ? "Receipt: erased" : "Receipt: not everything could be removed"),
    el("p", {}, `${receipt.scope}, ${when(receipt.erased_at)}`), list("Rows", Object.entries(receipt.rows).map(([name, count]) => `${words(name)}: ${count}`)),
    list("Removed", receipt.removed.map(path)), list("Left", receipt.left.map(path)), list("Checked", receipt.verified),
    el("div", { class: "row" }, el("a", { class: "button", href: URL.createObjectURL(file), download: "tallrun-erase-receipt.json" }, "Save the receipt"), el("a", { class: "button", href: "/today" }, "Start anew")));
}

function logCard(log) {
  const rows = log.slice(0, 50).map((row) => el("tr", {}, el("td", { class: "date" }, when(row.at)), el("td", { class: "free" }, row.actor), el("td", { class: "free" }, row.action, row.detail ? `: ${row.detail}` : "")));
  return card("Who looked", rows.length ? stackedTable("Access log", ["When", "Who", "What"], rows) : el("p", {}, "No one has taken anything out yet."));
}

function aboutCard(status) {
  return card("About", el("dl", { class: "facts" }, el("dt", {}, "tallrun"), el("dd", {}, status.version), el("dt", {}, "sessions folder"), el("dd", { class: "free" }, status.sessions_folder ?? "none: start the app with --sessions FOLDER")),
    el("p", { class: "small soft" }, "No account, no cloud, no telemetry. Works with the network cable pulled."));
}
