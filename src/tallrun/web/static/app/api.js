// The one way to the server: JSON in, JSON out, errors as one line.

export class Problem extends Error {
  constructor(code, message, detail) {
    super(message);
    this.code = code;
    this.detail = detail;
  }
}

const KEY = "runner";

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

async function ask(path, options, query) {
  let answer;
  try {
    answer = await fetch(address(path, query), options);
  } catch (error) {
    throw new Problem("offline", "The computer that keeps your records does not answer. Is tallrun serve still running there?", String(error));
  }
  if (answer.ok) return answer;
  const text = await answer.text();
  let told = null;
  try { told = JSON.parse(text); } catch { /* a plain line, from the door */ }
  throw new Problem(told?.code ?? `http_${answer.status}`, told?.message ?? text.slice(0, 200), `${options.method ?? "GET"} ${path} → ${answer.status} ${told?.code ?? ""}`);
}

export async function get(path, query) {
  return (await ask(path, {}, query)).json();
}

export async function post(path, body = {}) {
  const answer = await ask(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  return answer.status === 204 ? null : answer.json();
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
