// The one way to the server: JSON in, JSON out, errors as one line.

export class Problem extends Error {
  constructor(code, message, detail) {
    super(message);
    this.code = code;
    this.detail = detail;
  }
}

const KEY = "runner";
const TAP_ID = "x-tallrun-tap";

/** Whose records are shown: from the address, else the last one chosen in this tab. */
export function runner() {
  const asked = new URLSearchParams(location.search).get(KEY);
  // pages without it in their address, such as a replay, are about the one last looked at in this tab
  if (asked) sessionStorage.setItem(KEY, asked);
  return asked ?? sessionStorage.getItem(KEY);
}

export function chooseRunner(code) {
  sessionStorage.setItem(KEY, code);
  const here = new URL(location.href);
  here.searchParams.set(KEY, code);
  location.assign(here);
}

export function forgetRunner() { sessionStorage.removeItem(KEY); }

/** Address of a route for the runner shown, unless the query names another. */
export function address(path, query = {}) {
  const params = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== ""));
  const code = runner();
  if (code && !params.has(KEY)) params.set(KEY, code);
  const text = params.toString();
  return `/api${path}${text ? `?${text}` : ""}`;
}

const NOTICED_MS = 1000;
const LOOK_MS = 200;
const AGAIN_MS = 1000;
/** A tap that could not be brought over for so long is given up, and the page says so. */
const KEPT_MS = 60000;
const waiting = new Set();
let heardAt = performance.now();
let isPinging = false;

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

/** A computer that is asleep answers nothing and refuses nothing: say so, and what became of a tap. */
function watchSilence() {
  const asked = [...waiting];
  const now = performance.now();
  const silentMs = Math.min(now - heardAt, Math.max(0, ...asked.map((item) => now - item.at)));
  if (silentMs > NOTICED_MS / 2 && !isPinging) {  // an answer that takes long is not silence
    isPinging = true;
    fetch("/static/tokens.css?ping", { cache: "no-store" }).then(() => { heardAt = performance.now(); }).catch(() => {}).finally(() => { isPinging = false; });
  }
  showSilence(silentMs > NOTICED_MS ? silentMs : 0, asked.some((item) => item.isTap));
}
setInterval(watchSilence, LOOK_MS);

function showSilence(silentMs, hasTap) {
  let box = document.getElementById("no-word");
  if (!silentMs) { box?.remove(); return; }
  if (!box) {
    box = Object.assign(document.createElement("p"), { id: "no-word" });
    box.setAttribute("role", "status");
    document.body.prepend(box);
  }
  const text = `No word from the computer for ${Math.round(silentMs / 1000)} s. ${hasTap ? "What you tapped is kept; it counts once, when the computer answers." : "This page goes on by itself when it answers."}`;
  if (box.textContent !== text) box.textContent = text;
}

async function ask(path, options, query) {
  const asked = { at: performance.now(), isTap: options.method === "POST" };
  waiting.add(asked);
  let answer;
  try {
    answer = await fetched(address(path, query), options, asked.at);
  } catch (error) {
    throw new Problem("offline", "The computer that keeps your records does not answer. Is tallrun serve still running there?", String(error));
  } finally {
    waiting.delete(asked);
  }
  heardAt = performance.now();
  if (answer.ok) return answer;
  const text = await answer.text();
  let told = null;
  try { told = JSON.parse(text); } catch { /* a plain line, from the door */ }
  throw new Problem(told?.code ?? `http_${answer.status}`, told?.message ?? text.slice(0, 200), `${options.method ?? "GET"} ${path} → ${answer.status} ${told?.code ?? ""}`);
}

/** What bears an id acts once however often it is sent, so it is sent again until it is answered. */
async function fetched(url, options, sinceMs) {
  for (;;) {
    try {
      return await fetch(url, options);
    } catch (error) {
      if (!options.headers?.[TAP_ID] || performance.now() - sinceMs > KEPT_MS) throw error;
      await pause(AGAIN_MS);
    }
  }
}

export async function get(path, query) {
  return (await ask(path, {}, query)).json();
}

export async function post(path, body = {}) {
  const answer = await ask(path, { method: "POST", headers: { "content-type": "application/json", [TAP_ID]: newId() }, body: JSON.stringify(body) });
  return answer.status === 204 ? null : answer.json();
}

function newId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Send a file as it is. */
export async function postFile(path, file, query) {
  return (await ask(path, { method: "POST", headers: { "content-type": "application/octet-stream" }, body: file }, query)).json();
}

/** Ask for a file and hand it to the browser's downloads. */
export async function download(path, body, name) {
  const answer = await ask(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await answer.blob());
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}
