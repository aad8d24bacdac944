// Report of one session: made when it is not there yet or older than what was told since, shown in a frame that can reach nothing.

import { address, get, post } from "./api.js";
import { el, longDay, plainButton, say } from "./dom.js";
import { failure, skeleton } from "./states.js";

const POLL_MS = 400;

export async function show(body, { heading, rest }) {
  const id = rest[0] ?? "";
  const path = `/sessions/${id}`;
  const session = await get(path);
  heading.replaceChildren("Report ", el("span", { class: "sub" }, session.is_titled ? `${session.name} · ${longDay(session.started_at)}` : session.name));
  document.title = `Report: ${session.name} – tallrun`;
  if (session.has_report && !session.is_report_stale) showReport(body, session, path);
  else await make(body, session, path, session.has_report);
}

async function make(body, session, path, isStale = false) {
  const line = el("p", { role: "status" }, "Reading the recording …");
  const share = el("i", {});
  body.replaceChildren(el("section", { class: "card" }, el("h2", {}, isStale ? "Making the report again: something was told since" : "Making the report"), line, el("div", { class: "bar" }, share)), skeleton(2));
  try {
    let job = await post(`${path}/analysis`);
    while (job.state === "running") {
      share.style.width = `${Math.round(100 * job.share)}%`;
      line.textContent = job.seconds_left === null ? "Getting the stride engine ready …" : `Counting strides: ${Math.round(100 * job.share)} %, about ${Math.max(1, Math.ceil(job.seconds_left))} s left.`;
      await new Promise((resolve) => { setTimeout(resolve, POLL_MS); });
      job = await get(`${path}/analysis`);
    }
    if (job.state === "failed") throw Object.assign(new Error(job.message), { detail: `analysis of ${session.session_id}` });
    say("The report is ready.");
    showReport(body, await get(path), path);
  } catch (problem) {
    body.replaceChildren(failure(problem, () => make(body, session, path)));
  }
}

function showReport(body, session, path) {
  const id = encodeURIComponent(session.session_id);
  const file = address(`${path}/report`);
  body.replaceChildren(
    el("div", { class: "row" }, el("a", { class: "button", href: file, target: "_blank", rel: "noopener" }, "Open alone"),
      el("a", { class: "button", href: `/replay/${id}` }, "Replay"),
      el("details", {}, el("summary", {}, "More"), el("div", { class: "row" }, el("a", { class: "button", href: file, download: "tallrun-report.html" }, "Save as one file"),
        plainButton("Make it again", () => make(body, session, path))))),
    el("iframe", { class: "report-frame", src: file, sandbox: "allow-scripts allow-modals allow-downloads", title: `Report of ${session.name}` }));
}
