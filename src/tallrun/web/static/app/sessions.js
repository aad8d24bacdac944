// Sessions: search, what each is called, open its report, replay it, compare two.

import { get, post, postFile } from "./api.js";
import { drawThumbnail } from "./charts.js";
import { choose, distance, duration, el, field, longDay, number, pace, plainButton, say, words } from "./dom.js";
import { attempt, empty, failure } from "./states.js";
import { csvForm } from "./csv_guess.js";

export async function show(body, { status }) {
  const list = el("div", { class: "column" });
  body.replaceChildren(list);
  await new Sessions(list, status).load();
  body.append(csvForm());
}

class Sessions {
  constructor(body, status) {
    this.body = body;
    this.folder = status.sessions_folder;
    // with several runners it is for a person to say whose recordings lie there
    this.mayLook = this.folder !== null && status.runners.length === 1;
    this.query = "";
    this.chosen = [];
    this.place = el("div", { class: "column" });
    this.trouble = el("div", {});
    this.bar = el("section", { id: "compare-bar", class: "card row spread", "aria-label": "Compare", hidden: true });
  }

  async load() {
    let list = await get("/sessions", { query: this.query });
    if (!list.length && !this.query && this.mayLook) {
      this.mayLook = false;
      if ((await post("/sessions/scan")).added.length) list = await get("/sessions");
    }
    if (!list.length && !this.query) {
      this.body.replaceChildren(this.trouble, empty("No sessions yet",
        this.folder ? `Recorded runs appear here. If you have session folders already, put them into ${this.folder} and look there.` : "Recorded runs appear here.",
        this.folder ? this.scanButton("Look there now", "main") : null), this.folder ? this.fileForm() : null);
      return;
    }
    const search = el("input", { type: "search", value: this.query, maxlength: 200, autocomplete: "off", placeholder: "Name, surface, tag, month (2026-03)" });
    search.addEventListener("input", () => {
      clearTimeout(this.waiting);
      this.waiting = setTimeout(() => { this.query = search.value; this.search(); }, 200);
    });
    this.body.replaceChildren(
      el("div", { class: "row spread" }, el("div", { class: "grow" }, field("Search sessions", search)), this.folder ? this.scanButton("Look for new sessions") : null),
      this.folder ? this.fileForm() : null, this.trouble, this.place, this.bar);
    this.draw(list);
  }

  async search() {
    try {
      const list = await get("/sessions", { query: this.query });
      this.draw(list);
      say(`${list.length} sessions`);
    } catch (problem) {
      this.place.replaceChildren(failure(problem, () => this.search()));
    }
  }

  draw(list) {
    this.place.replaceChildren(list.length ? el("ul", { class: "column" }, list.map((item) => this.row(item))) : el("p", {}, `No session matches “${this.query}”.`));
    this.drawBar();
  }

  scanButton(text, kind = "") {
    return plainButton(text, (event) => attempt(event.currentTarget, this.trouble, async () => {
      const found = await post("/sessions/scan");
      await this.load();
      const refused = Object.entries(found.refused);
      const line = `${found.added.length} new, ${found.known.length} known${found.moved.length ? `, ${found.moved.length} found again` : ""}${refused.length ? `, ${refused.length} left out` : ""}.`;
      say(line);
      this.trouble.replaceChildren(el("section", { class: "card" }, el("p", {}, line),
        found.added.length ? el("p", {}, "Which of them count as runs of yours is asked on Today.") : null,
        refused.length ? el("ul", { class: "small" }, refused.map(([name, why]) => el("li", {}, el("strong", { class: "free" }, name), `: ${why}`))) : null));
    }), { class: kind });
  }

  /** Files of a watch, several at once; each is sent alone, so that one that cannot be read costs itself only. */
  fileForm() {
    const files = el("input", { type: "file", multiple: true, required: true, accept: ".fit,.tcx,.gpx,.gz,.zip,.xml" });
    const trouble = el("div", {});
    const save = el("button", { class: "main" }, "Read them");
    const told = this.read ?? null;
    return el("details", { id: "watch-files", open: told !== null }, el("summary", {}, "Add runs of a watch"),
      el("form", { on: { submit: async (event) => {
        event.preventDefault();
        await attempt(save, trouble, async () => {
          const lines = [];
          for (const file of files.files) {
            say(`Reading ${file.name}`);
            try {
              const rows = await postFile("/sessions/watch", file, { name: file.name });
              lines.push(...(rows.length ? rows : [{ what: "refused", line: `${file.name}: nothing in it` }]));
            } catch (problem) { lines.push({ what: "refused", line: `${file.name}: ${problem.message}` }); }
          }
          this.read = lines;
          await this.load();
          say(`${lines.filter((item) => item.what === "imported").length} of ${lines.length} read.`);
        });
      } } }, field("Files: FIT, TCX, GPX, or an archive of them", files, "They stay on this computer."), trouble, save),
      told ? el("ul", { class: "small" }, told.map((item) => el("li", { class: "free" }, item.what === "imported" ? "✓ " : item.what === "there already" ? "= " : "✕ ", item.line))) : null);
  }

  /** Ask whether a session counts as a run, with the questions that grade it. */
  async count(item, button) {
    await attempt(button, this.trouble, async () => {
      const asked = await get(`/sessions/${encodeURIComponent(item.session_id)}/run`);
      const scores = Array.from({ length: 11 }, (_, score) => [String(score), String(score)]);
      const inputs = Object.entries(asked.form.asks).filter(([name]) => name !== "count").map(([name, what]) => ({ name, what,
        input: what === "time" ? el("input", { type: "datetime-local" }) : choose([["", asked.form.optional.includes(name) ? "Not known" : "Choose"], ...(what === "score" ? scores : [["no", "No"], ["yes", "Yes"]])], "") }));
      const trouble = el("div", {});
      const save = el("button", { class: "main" }, "Count it");
      const send = (body) => post(asked.form.path.replace("/api", ""), body);
      const leave = async (body) => { await send(body); dialog.close(); say("Kept."); await this.search(); };
      const dialog = el("dialog", { "aria-labelledby": "count-head", on: { close: () => dialog.remove() } }, el("form", { on: { submit: async (event) => {
        event.preventDefault();
        await attempt(save, trouble, async () => {
          const given = { count: true };
          for (const { name, what, input } of inputs) {
            if (!input.value && asked.form.optional.includes(name)) continue;
            if (!input.value) throw new Error(`Say this first: ${words(name)}.`);
            given[name] = what === "score" ? Number(input.value) : what === "yes_no" ? input.value === "yes" : input.value;
          }
          await leave(given);
        });
      } } }, el("h2", { id: "count-head" }, "Does it count?"), el("p", { class: "free" }, asked.text),
      el("div", { class: "fields" }, inputs.map(({ name, input }) => field(words(name), input))), trouble,
      el("div", { class: "row" }, save, plainButton("Not a run of mine", (event) => attempt(event.currentTarget, trouble, () => leave({ count: false }))), plainButton("Back", () => dialog.close()))));
      document.body.append(dialog);
      dialog.showModal();
    });
  }

  row(item) {
    const ready = item.is_present && item.is_analysed;
    const id = encodeURIComponent(item.session_id);
    const open = (text, href, kind = "") => el("a", { class: `button ${kind}`, href }, text, el("span", { class: "visually-hidden" }, ` of ${item.name}`));
    const tick = el("input", { type: "checkbox", checked: this.chosen.some((other) => other.session_id === item.session_id), "aria-label": `Compare ${item.name}` });
    tick.addEventListener("change", () => this.choose(item, tick.checked));
    const facts = [distance(item.distance_m), pace(item.speed_mps), item.heart_rate_bpm === null ? null : `${number(item.heart_rate_bpm)} beats/min`, item.climb_m ? `${number(item.climb_m)} m up` : null, item.duration_s === null ? null : `${duration(item.duration_s)} long`, item.gait_time_s === null ? null : `${duration(item.gait_time_s)} ${item.gait === "walk" ? "walking" : "running"}`,
      item.cadence_spm === null ? null : `${number(item.cadence_spm)} steps/min`, item.valid_strides_pct === null ? null : `${number(item.valid_strides_pct)} % clean`].filter(Boolean);
    // what kind of run it was stands in its name already
    const context = ["surface", "session_kind", "shoes"].map((key) => item.context[key]).filter((text) => text && text !== "run" && text !== "walk");
    return el("li", { class: "card session", data: { id: item.session_id } },
      drawThumbnail(item.thumbnail, item.name),
      el("div", {}, el("h2", { title: item.name }, item.name), item.is_titled ? el("p", { class: "soft" }, longDay(item.started_at)) : null, el("p", { class: "soft" }, facts.join(" · ")),
        el("div", { class: "row" }, item.counts_as_run ? null : el("span", { class: "chip" }, "not in your record of runs"), context.map((text) => el("span", { class: "chip" }, words(text))), item.flags.map((text) => el("span", { class: "chip flag" }, `⚑ ${words(text)}`)), item.tags.map((text) => el("span", { class: "chip", title: text }, text))),
        item.note ? el("p", { class: "free" }, item.note) : null),
      el("div", { class: "row wide" },
        !item.is_present ? el("p", {}, "The folder of this session is gone. Its summary is kept.") : open(ready && item.has_report ? "Report" : "Make the report", `/report/${id}`, "main"),
        item.is_present ? open("Replay", `/replay/${id}`) : null,
        !item.counts_as_run && item.is_present ? plainButton("Count this run", (event) => this.count(item, event.currentTarget), { "aria-label": `Count ${item.name} as a run` }) : null,
        plainButton("Name and tags", () => this.edit(item), { "aria-label": `Name and tags of ${item.name}` }),
        ready ? el("label", { class: "tick" }, tick, "Compare") : item.is_present ? el("span", { class: "soft small" }, "Compare comes once its report was made.") : null));
  }

  choose(item, on) {
    this.chosen = this.chosen.filter((other) => other.session_id !== item.session_id);
    if (on) this.chosen.push(item);
    if (this.chosen.length > 2) {
      const dropped = this.chosen.shift();
      for (const box of this.place.querySelectorAll("input[type=checkbox]")) if (box.closest("li").dataset.id === dropped.session_id) box.checked = false;
    }
    this.drawBar();
  }

  drawBar() {
    this.bar.hidden = this.chosen.length === 0;
    const [a, b] = this.chosen;
    if (!a) return;
    const link = b ? el("a", { class: "button main", href: `/compare?a=${encodeURIComponent(a.session_id)}&b=${encodeURIComponent(b.session_id)}` }, "Compare these two") : el("a", { class: "button", href: `/compare?a=${encodeURIComponent(a.session_id)}&b=${encodeURIComponent(a.session_id)}` }, "Compare parts of it");
    this.bar.replaceChildren(el("span", { class: "free" }, `A: ${a.name}`, b ? ` · B: ${b.name}` : " – choose one more, or"), link);
  }

  edit(item) {
    const title = el("input", { value: item.is_titled ? item.name : "", placeholder: item.name, maxlength: 200, dir: "auto" });
    const tags = el("input", { value: item.tags.join(", "), maxlength: 800, dir: "auto" });
    const note = el("textarea", { maxlength: 2000, dir: "auto", value: item.note });
    const trouble = el("div", {});
    const save = el("button", { class: "main" }, "Keep");
    const dialog = el("dialog", { "aria-labelledby": "edit-head", on: { close: () => dialog.remove() } },
      el("form", { on: { submit: async (event) => {
        event.preventDefault();
        await attempt(save, trouble, async () => {
          await post(`/sessions/${encodeURIComponent(item.session_id)}/rename`, { title: title.value, note: note.value, tags: tags.value.split(",").map((tag) => tag.trim()).filter(Boolean) });
          dialog.close();
          say("Kept.");
          await this.search();
        });
      } } },
      el("h2", { id: "edit-head" }, "Name and tags"), el("p", { class: "soft" }, "The recording itself stays as it is."),
      field("Name", title), field("Tags, with commas", tags), field("Note", note), trouble,
      el("div", { class: "row" }, save, plainButton("Back", () => dialog.close()))));
    document.body.append(dialog);
    dialog.showModal();
  }
}

