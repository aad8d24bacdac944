// Sessions: search, what each is called, open its report, replay it, compare two.

import { get, post } from "./api.js";
import { drawThumbnail } from "./charts.js";
import { duration, el, field, longDay, number, plainButton, say, words } from "./dom.js";
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
        this.folder ? this.scanButton("Look there now", "main") : null));
      return;
    }
    const search = el("input", { type: "search", value: this.query, maxlength: 200, autocomplete: "off", placeholder: "Name, surface, tag, month (2026-03)" });
    search.addEventListener("input", () => {
      clearTimeout(this.waiting);
      this.waiting = setTimeout(() => { this.query = search.value; this.search(); }, 200);
    });
    this.body.replaceChildren(
      el("div", { class: "row spread" }, el("div", { class: "grow" }, field("Search sessions", search)), this.folder ? this.scanButton("Look for new sessions") : null),
      this.trouble, this.place, this.bar);
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

  row(item) {
    const ready = item.is_present && item.is_analysed;
    const id = encodeURIComponent(item.session_id);
    const open = (text, href, kind = "") => el("a", { class: `button ${kind}`, href }, text, el("span", { class: "visually-hidden" }, ` of ${item.name}`));
    const tick = el("input", { type: "checkbox", checked: this.chosen.some((other) => other.session_id === item.session_id), "aria-label": `Compare ${item.name}` });
    tick.addEventListener("change", () => this.choose(item, tick.checked));
    const facts = [longDay(item.started_at), item.duration_s === null ? null : `${duration(item.duration_s)} long`, item.run_time_s === null ? null : `${duration(item.run_time_s)} running`,
      item.cadence_spm === null ? null : `${number(item.cadence_spm)} steps/min`, item.valid_strides_pct === null ? null : `${number(item.valid_strides_pct)} % clean`].filter(Boolean);
    const context = ["surface", "session_kind", "shoes"].map((key) => item.context[key]).filter(Boolean);
    return el("li", { class: "card session", data: { id: item.session_id } },
      drawThumbnail(item.thumbnail, item.name),
      el("div", {}, el("h2", { title: item.name }, item.name), el("p", { class: "soft" }, facts.join(" · ")),
        el("div", { class: "row" }, item.counts_as_run ? null : el("span", { class: "chip" }, "not in your record of runs"), context.map((text) => el("span", { class: "chip" }, words(text))), item.flags.map((text) => el("span", { class: "chip flag" }, `⚑ ${words(text)}`)), item.tags.map((text) => el("span", { class: "chip", title: text }, text))),
        item.note ? el("p", { class: "free" }, item.note) : null),
      el("div", { class: "row wide" },
        !item.is_present ? el("p", {}, "The folder of this session is gone. Its summary is kept.") : open(ready && item.has_report ? "Report" : "Make the report", `/report/${id}`, "main"),
        item.is_present ? open("Replay", `/replay/${id}`) : null,
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
    const title = el("input", { value: item.name, maxlength: 200, dir: "auto" });
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

