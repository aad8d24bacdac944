// Notes and corrections: who said what, kept on the server, taken back by another entry; never an overwrite.

import { fetchJson } from "./data.js";
import { ENTRY_NAME, SIDE, clock, entered } from "./words.js";

const $ = (id) => document.getElementById(id);
const NAME_KEY = "replay-by";
const round = (seconds) => Math.round(seconds * 1000) / 1000;

export class Notes {
  /** host: {api, session, strip, player, goTo, pause, changed} of the page. */
  constructor(host, told) {
    this.host = host;
    this.list = told.notes;
    for (const id of ["note-by", "fix-by"]) {
      $(id).value = sessionStorage.getItem(NAME_KEY) ?? "";
      $(id).addEventListener("input", () => {
        sessionStorage.setItem(NAME_KEY, $(id).value);
        for (const other of ["note-by", "fix-by"]) if (other !== id) $(other).value = $(id).value;
      });
    }
    $("note-form").addEventListener("submit", async (event) => {
      event.preventDefault();
      const kept = await this.add({ kind: $("note-kind").value, t_s: round(host.player.time), text: $("note-text").value }, $("note-by"), $("note-answer"));
      if (kept) $("note-text").value = "";
    });
    $("fix-form").addEventListener("submit", (event) => { event.preventDefault(); this.keepFix(); });
    $("fix-open").addEventListener("click", () => this.startFix());
    $("fix-cancel").addEventListener("click", () => this.endFix());
    $("fix-kind").addEventListener("change", () => this.aim($("fix-kind").value, $("fix-foot").value));
    $("fix-foot").addEventListener("change", () => this.aim($("fix-kind").value, $("fix-foot").value));
    this.isTyping = false;
    $("fix-time").addEventListener("keydown", (event) => { if (/^[0-9]$|^(Backspace|Delete)$/.test(event.key)) this.isTyping = true; });
    $("fix-time").addEventListener("blur", () => { this.isTyping = false; });
    $("fix-time").addEventListener("input", () => { if (this.fix) { this.fix.time = Number.parseFloat($("fix-time").value); host.redraw(); } });
    $("fix-less").addEventListener("click", () => this.nudge(-0.005));
    $("fix-more").addEventListener("click", () => this.nudge(0.005));
    $("as-detected").addEventListener("change", () => { host.session.show($("as-detected").checked); host.changed(); });
    this.take(told);
  }

  /** Who the records belong to as a clinic signs, unless somebody typed a name. */
  sign(name) {
    for (const id of ["note-by", "fix-by"]) if (name && !$(id).value) $(id).value = name;
  }

  get fix() { return this.host.strip.fix; }

  take(told) {
    this.list = told.notes;
    this.host.session.lay(told.corrections);
    const { counts } = told.corrections;
    $("detected-field").hidden = !this.host.session.hasCorrections;
    $("fix-count").textContent = counts.applied ? `${counts.applied} corrected by hand, ${counts.strides_changed} strides changed. Flags and cues stay those of the run.` : "";
    this.show();
  }

  async add(entry, who, answer) {
    const by = who.value.trim();
    if (!by) { answer.textContent = "Say who enters this."; who.focus(); return false; }
    try {
      const told = await fetchJson(`${this.host.api}/notes`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ by, ...entry }) });
      answer.textContent = entry.kind === "taken_back" ? "Taken back; the entry stays in the log." : "Kept.";
      this.take(told);
      this.host.changed();
      return true;
    } catch (error) { answer.textContent = error.message; return false; }
  }

  show() {
    const { session } = this.host;
    const why = session.corrections.not_applied;
    $("notes").replaceChildren(...this.list.map((item) => {
      const line = document.createElement("li");
      const words = Object.assign(document.createElement("bdi"), { dir: "auto", textContent: item.text });
      const foot = item.foot ? `${SIDE[item.foot] ?? item.foot} ` : "";
      const to = item.moved_to_s === null ? "" : ` ${item.t_s.toFixed(3)} → ${item.moved_to_s.toFixed(3)} s`;
      line.append(`${foot}${ENTRY_NAME[item.kind] ?? item.kind}${to}${item.text ? ": " : ""}`, words);
      if (why[item.overlay_id]) line.append(Object.assign(document.createElement("p"), { className: "off", textContent: `Not applied: ${why[item.overlay_id]}.` }));
      const who = Object.assign(document.createElement("p"), { className: "soft" });
      who.append(`${clock(item.t_s)} · `, Object.assign(document.createElement("bdi"), { textContent: item.by }), ` · ${entered(item.at, session.time_zone)}`);
      const go = Object.assign(document.createElement("button"), { type: "button", textContent: "Go there" });
      go.setAttribute("aria-label", `Go to ${clock(item.t_s)}`);
      go.addEventListener("click", () => { this.host.pause(); this.host.goTo(item.t_s); });
      const back = Object.assign(document.createElement("button"), { type: "button", textContent: "Take back" });
      back.setAttribute("aria-label", `Take back the entry at ${clock(item.t_s)}`);
      back.addEventListener("click", () => this.add({ kind: "taken_back", t_s: item.t_s, about: item.overlay_id }, $("note-by"), $("note-answer")));
      const row = Object.assign(document.createElement("p"), { className: "buttons" });
      row.append(go, back);
      line.append(who, row);
      return line;
    }));
  }

  /** Begin to correct: the contact given, else the one nearest to the play head. */
  startFix(row = null) {
    const { session, strip, player, pause, goTo } = this.host;
    pause();
    if (session.isAsDetected) { $("as-detected").checked = false; session.show(false); this.host.changed(); }
    const near = row ?? session.nearest(player.time);
    if (row === null && near >= 0) {
      // a second fills the strip, so that a pixel is a few milliseconds
      this.spanBefore ??= strip.span;
      this.zoom(1);
      goTo(session.contacts[near]);
    }
    $("fix-form").hidden = false;
    $("fix-open").setAttribute("aria-expanded", "true");
    this.aim(near < 0 ? "contact_added" : "contact_moved", near < 0 ? "left" : session.strides.foot[near], near);
    if (row === null) $("fix-time").focus();
  }

  /** Point the correction at a foot's contact nearest to the play head (or the one given). */
  aim(kind, foot, row = null) {
    const { session, player, strip } = this.host;
    const near = row ?? session.nearest(player.time, foot);
    const fix = { kind, foot, t_s: NaN, time: round(player.time) };
    $("fix-answer").textContent = "";
    if (kind !== "contact_added") {
      const detected = near < 0 ? null : session.strides.detected_row[near];
      if (near < 0) $("fix-answer").textContent = `There is no contact of the ${foot} foot near ${player.time.toFixed(3)} s.`;
      else if (detected === null) $("fix-answer").textContent = "This contact was added by hand: take it back in the list below to change it.";
      else Object.assign(fix, { t_s: round(session.detected.initial_contact_s[detected]), time: round(session.contacts[near]) });
    }
    strip.fix = fix;
    $("fix-kind").value = kind;
    $("fix-foot").value = foot;
    $("time-field").hidden = $("fix-steps").hidden = kind === "contact_removed";
    $("fix-time").value = Number.isFinite(fix.time) ? fix.time.toFixed(3) : "";
    $("fix-at").textContent = kind === "contact_added" ? "No contact was detected there." : Number.isFinite(fix.t_s) ? `Detected at ${fix.t_s.toFixed(3)} s.` : "";
    this.host.redraw();
  }

  zoom(seconds) {
    this.host.strip.span = seconds;
    $("span").value = String(seconds);
  }

  /** Put a missed contact where somebody pointed. */
  place(foot, seconds) {
    this.fix.foot = foot;
    $("fix-foot").value = foot;
    this.setTime(seconds);
  }

  nudge(seconds) { if (this.fix) this.setTime((Number.isFinite(this.fix.time) ? this.fix.time : this.host.player.time) + seconds); }

  setTime(seconds) {
    this.fix.time = round(Math.max(0, seconds));
    $("fix-time").value = this.fix.time.toFixed(3);
    this.host.redraw();
  }

  async keepFix() {
    const { kind, foot, t_s, time } = this.fix;
    const entry = { kind, foot, t_s: kind === "contact_added" ? time : t_s, text: $("fix-text").value };
    if (kind === "contact_moved") entry.moved_to_s = time;
    if (!Number.isFinite(entry.t_s) || (kind === "contact_moved" && !Number.isFinite(time))) { $("fix-answer").textContent ||= "Give the true time in seconds."; return; }
    if (kind === "contact_moved" && Math.abs(time - t_s) < 0.0005) { $("fix-answer").textContent = "It is there already: move it with , and . first, or cancel."; return; }
    if (!(await this.add(entry, $("fix-by"), $("fix-answer")))) return;
    $("fix-text").value = "";
    $("note-answer").textContent = "Kept.";
    this.endFix();
  }

  endFix() {
    const { strip } = this.host;
    strip.fix = null;
    this.zoom(this.spanBefore ?? strip.span);
    this.spanBefore = null;
    const hadFocus = $("fix-form").contains(document.activeElement);
    $("fix-form").hidden = true;
    $("fix-open").setAttribute("aria-expanded", "false");
    if (hadFocus) $("fix-open").focus();
    this.host.redraw();
  }
}
