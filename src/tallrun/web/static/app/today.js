// Today: the verdict, what is due, fourteen days, the exercise of the phase. Nothing else.

import { get, post, runner } from "./api.js";
import { capital, card, choose, clock, el, field, foldedCard, plainButton, say, unbroken, when, words } from "./dom.js";
import { drawStrip, drawWeeks } from "./charts.js";
import { openPainForm, scoreButtons } from "./pain.js";
import { openScreen } from "./screen.js";
import { trialBar } from "./setup.js";
import { attempt, failure } from "./states.js";
import { goToVerdict, sight, verdictCard } from "./verdict.js";

export async function show(body, { heading, status }) {
  const page = new Today(body, heading, status.trial === "on");
  await page.load();
}

/** The way into a run with sensors, one button under the verdict; none on a day that is not for one. */
function startRow(verdict) {
  const isRun = verdict.state === "RUN";
  if (!isRun && !verdict.offers_walk) return null;
  const where = `/run${new URLSearchParams(location.search).has("runner") ? location.search : ""}`;
  const begin = async (event) => {
    event.currentTarget.disabled = true;
    // what is refused, such as a second run, is told on the page of the run
    try { await post("/run/start", { runner: runner() || null, walk: !isRun }); } catch { /* said there */ }
    location.assign(where);
  };
  return el("p", { class: "start" }, plainButton(isRun ? "Start" : "Record a walk", begin, { id: "start", class: "main" }),
    el("a", { id: "belt-first", class: "small", href: where }, "Say surface or belt speed first"));
}

/** What comes first below the verdict: the way into a run, and where something must be logged first, the questions. */
const inOrder = (verdict, start, due) => (verdict.state === "LOG_FIRST" ? [due, start] : [start, due]);

/** What a question asks for, without what may be left out. */
const asksOf = (item) => Object.entries(item.form.asks).filter(([name]) => !item.form.optional.includes(name));
/** Whether the answer takes more room than a row of buttons. */
const isLong = (item) => !["screen", "yes_no"].includes(asksOf(item)[0][1]) || asksOf(item).length > 1;

/** A moment: the time alone on the same day. */
const isSameDay = (at, now) => when(at).slice(0, -5) === when(now).slice(0, -5);
const clockOrDay = (at, now) => `the next question comes ${isSameDay(at, now) ? `at ${clock(at)}` : when(at)}`;

class Today {
  constructor(body, heading, isTrial = false) {
    this.body = body;
    this.heading = heading;
    this.isTrial = isTrial;
    this.painkiller = "none";
    this.noted = new Map();
  }

  async load() {
    // Straight after set-up the screening questions come.
    if (location.hash === "#screen") { history.replaceState(null, "", location.pathname + location.search); setTimeout(() => openScreen(() => this.refresh())); }
    const [data, scores, weeks] = await Promise.all([get("/today"), get("/pain", { days: 1 }), get("/weeks", { count: 2 })]);
    this.data = data;
    post("/told").catch(() => {});  // kept in the ladder history; the advice is read all the same
    this.scores = scores.filter((item) => !this.noted.has(item.pain_id));
    const left = el("div", { class: "column" }, this.isTrial ? trialBar(data.verdict.as_of) : null, verdictCard(data.verdict), ...inOrder(data.verdict, startRow(data.verdict), this.dueCard()));
    const right = el("div", { class: "column" }, foldedCard("The week", drawWeeks(weeks)), this.stripCard(), this.exerciseCard());
    this.heading.replaceChildren("Today ", el("span", { class: "sub" }, `${when(data.verdict.as_of)} · ${data.runner.side} ${words(data.runner.site)}`));
    this.body.className = "page two";
    this.body.replaceChildren(left, right);
  }

  /** Load again; a verdict that has changed comes into sight, for on a phone it lies far above what was tapped. */
  async reload() {
    const before = sight(this.data.verdict);
    await this.load();
    if (sight(this.data.verdict) !== before) goToVerdict(this.body);
  }

  async refresh() {
    try {
      await this.reload();
    } catch (problem) {
      this.body.prepend(failure(problem, () => this.refresh()));
    }
  }

  dueCard() {
    const open = this.data.due.filter((item) => item.open);
    const later = this.data.due.filter((item) => !item.open);
    const trouble = el("div", {});
    const killer = choose([["none", "No painkiller"], ["oral", "Tablet"], ["topical", "Cream or gel"], ["injection", "Injection"]], this.painkiller);
    killer.addEventListener("change", () => { this.painkiller = killer.value; });
    const box = card("What is due", trouble,
      open.some((item) => item.form.path === "/api/pain") ? this.beside("Painkiller in the last 24 hours", killer) : null,
      // the first waits open; of the others those that one tap answers
      open.map((item, place) => this.question(item, trouble, place > 0 && isLong(item))),
      [...this.noted.values()].map((item) => this.answered(item, trouble)),
      open.length === 0 && this.noted.size === 0 ? el("p", {}, this.nothingNow()) : null,
      later.length ? el("details", { id: "later" }, el("summary", {}, `Later: ${clockOrDay(later[0].opens_at, this.data.verdict.as_of)}`),
        later.slice(0, 3).map((item) => el("p", { class: "later" }, `${item.text} `, el("time", { datetime: item.opens_at }, `from ${when(item.opens_at)}`)))) : null,
      el("div", { class: "row due-more" }, plainButton("Another score", () => openPainForm(() => this.refresh())), plainButton("Screening questions", () => openScreen(() => this.refresh()))),
      this.scores.length ? el("details", { id: "correct" }, el("summary", {}, "Correct a score"),
        el("p", { class: "small soft" }, "Take a wrong one back, then give the right one with Another score. The records keep both."),
        [...this.scores].reverse().map((item) => this.answered(item, trouble, "Take back"))) : null);
    return box;
  }

  beside(label, control) {
    const row = field(label, control);
    row.classList.add("beside");
    return row;
  }

  /** Nothing is due: what the plan waits for instead, so that "Log first" never stands above it without a word. */
  nothingNow() {
    const waits = this.data.verdict.way_out.filter((item) => item.met !== true && item.who !== null);
    if (!waits.length) return "Nothing is due now.";
    const first = waits.find((item) => item.earliest !== null) ?? waits[0];
    const from = first.earliest ? ` At the earliest ${when(first.earliest)}.` : "";
    return `Nothing to answer now. The plan waits for this: ${first.text}${from}`;
  }

  question(item, trouble, isFolded) {
    const text = item.load_test ? `${words(item.load_test).replace(" leg ", "-leg ")}, 10 s${item.question === "this_morning" ? ", this morning" : ""}: how much did it hurt, 0–10?` : item.text;
    const until = item.question === "count" ? null : el("span", { class: "soft small" }, `counts until ${isSameDay(item.closes_at, this.data.verdict.as_of) ? clock(item.closes_at) : when(item.closes_at)}`);
    const data = { question: item.question };
    if (isFolded) return el("details", { class: "question", data }, el("summary", {}, unbroken(capital(text))), until, this.answerTo(item, text, trouble));
    return el("div", { class: "question", data }, el("p", {}, el("strong", {}, unbroken(capital(text))), " ", until), this.answerTo(item, text, trouble));
  }

  /** What the form of a question asks for, as buttons where one tap is enough, else as a small form. */
  answerTo(item, text, trouble) {
    const asks = asksOf(item);
    const [name, what] = asks[0];
    if (what === "screen") return plainButton("Answer the questions", () => openScreen(() => this.refresh()), { class: "main" });
    if (asks.length === 1 && what === "yes_no") {
      return el("div", { class: "row" }, [[false, "No"], [true, "Yes"]].map(([yes, label]) =>
        plainButton(label, (event) => this.keep(event.currentTarget, trouble, () => this.send(item, { [name]: yes }, text, `${words(name)} ${label.toLowerCase()}`)))));
    }
    if (asks.length === 1 && what === "score" && !item.form.optional.length) {
      return scoreButtons(text, (score, button) => this.keep(button, trouble, () => this.send(item, { score }, text, `${score} of 10`)));
    }
    return this.smallForm(item, text, trouble);
  }

  smallForm(item, text, trouble) {
    const scores = Array.from({ length: 11 }, (_, score) => [String(score), String(score)]);
    // Whether a run counts is said by which button is pressed.
    const inputs = Object.entries(item.form.asks).filter(([name]) => name !== "count").map(([name, what]) => {
      const input = what === "score" ? choose([["", "Choose"], ...scores], "")
        : what === "yes_no" ? choose([["", "Choose"], ["no", "No"], ["yes", "Yes"]], "")
        : what === "time" ? el("input", { type: "datetime-local", value: item.form.body[name] ?? "" })
        : el("input", { type: what === "date" ? "date" : "text" });
      return { name, what, input };
    });
    const minutes = item.form.body.minutes === undefined ? null : el("input", { type: "number", min: "1", max: "600", step: "1", value: item.form.body.minutes, inputmode: "numeric" });
    const isRun = item.question === "count";
    const save = plainButton(item.question === "run" || item.question === "walk" ? "It is done" : isRun ? "Count it" : "Keep this", (event) => this.keep(event.currentTarget, trouble, async () => {
      const given = isRun ? { count: true } : {};
      for (const { name, what, input } of inputs) {
        if (!input.value && item.form.optional.includes(name)) continue;
        if (!input.value) throw new Error(`Say this first: ${words(name)}.`);
        given[name] = what === "score" ? Number(input.value) : what === "yes_no" ? input.value === "yes" : input.value;
      }
      // Other minutes than planned: which of them were running follows from the level.
      if (minutes && Number(minutes.value) !== item.form.body.minutes) Object.assign(given, { minutes: Number(minutes.value), run_minutes: null });
      await this.send(item, given, text, "kept");
    }), { class: "main" });
    return el("div", { class: "fields" }, minutes ? field("Minutes in all, without warm-up", minutes) : null,
      inputs.map(({ name, input }) => field(words(name), input)), save,
      isRun ? plainButton("Not a run of mine", (event) => this.keep(event.currentTarget, trouble, () => this.send(item, { count: false }, text, "it does not count")), { class: "link" }) : null);
  }

  async send(item, given, text, told) {
    const body = { ...item.form.body, ...given };
    const isScore = item.form.path === "/api/pain";
    if (isScore) body.painkiller = this.painkiller;
    const kept = await post(item.form.path.replace("/api", ""), body);
    if (isScore) this.noted.set(kept.pain_id, { ...kept, text });
    say(`Noted: ${told}. ${(kept?.warnings ?? []).join(" ")}`);
  }

  answered(item, trouble, back = "Undo") {
    return el("div", { class: "question noted" }, el("span", {}, `✓ Noted: ${item.score} of 10`), el("span", { class: "soft small" }, words(item.kind), " · ", clock(item.at)),
      plainButton(back, (event) => this.keep(event.currentTarget, trouble, async () => {
        await post(`/pain/${item.pain_id}/fix`, { withdraw: true });
        this.noted.delete(item.pain_id);
        say("Taken back.");
      }), { class: "link", "aria-label": `${back}: ${item.score} of 10, ${words(item.kind)}, ${clock(item.at)}` }),
      [...new Set([...item.warnings, item.not_counted].filter(Boolean))].map((text) => el("p", { class: "small soft" }, text)));
  }

  async keep(button, trouble, action) {
    await attempt(button, trouble, async () => {
      await action();
      await this.reload();
    });
  }

  stripCard() {
    return foldedCard("The last 14 days", ...drawStrip(this.data.strip));
  }

  exerciseCard() {
    const plan = this.data.exercise;
    if (!plan) return card("Strength work", el("p", {}, "No advice on strength work until a doctor or physio has made an entry."));
    const trouble = el("div", {});
    const rows = plan.exercises.map((item) => {
      const done = item.done_today !== null;
      const button = el("button", {
        type: "button", "aria-pressed": String(done), "aria-label": `${item.name}, done today`,
        on: { click: (event) => this.keep(event.currentTarget, trouble, async () => {
          if (done) await post(`/exercises/${item.done_today}/take-back`);
          else await post("/exercises", { phase: plan.phase, name: item.name });
          say(done ? `${item.name}: taken back.` : `${item.name}: done.`);
        }) },
      }, done ? "✓" : "");
      return el("li", { class: "todo" }, button, el("div", {},
        el("p", {}, el("strong", {}, item.name)),
        el("p", { class: "small soft" }, `${item.dose} · ${item.per_week} · done ${item.done_7d} × in 7 days`)));
    });
    return foldedCard(`Strength phase ${plan.phase}: ${plan.title.toLowerCase()}`,
      el("p", { class: "soft" }, plan.goal), trouble, el("ul", {}, rows),
      el("details", {}, el("summary", {}, "Why this phase"),
        el("p", {}, plan.sentences.join(" ")), el("p", { class: "small soft" }, `Rules ${plan.rules.join(", ")}`),
        el("ul", { class: "small soft" }, plan.sources.map((text) => el("li", {}, text)))));
  }
}

/** What is due right after a run, and what the plan says then: the same questions and the same answers as on Today. */
export class RunQuestions extends Today {
  constructor(body) {
    super(body, null);
  }

  async load() {
    this.data = await get("/today");
    this.scores = [];
    this.body.replaceChildren(this.dueCard(), verdictCard(this.data.verdict));
  }
}
