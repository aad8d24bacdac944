// What the comparison page can do inside the app: print, hand out, another speed, parts. Without it the page is complete.

const asked = new URLSearchParams(location.search);
const make = (tag, properties = {}, ...children) => { const made = Object.assign(document.createElement(tag), properties); made.append(...children); return made; };
const link = (textContent, href) => make("a", { textContent, href });
const withAsked = (changes) => {
  const made = new URLSearchParams(asked);
  for (const [name, value] of Object.entries(changes)) { if (value === null || value === "") made.delete(name); else made.set(name, value); }
  return made;
};

// One run against the whole of itself says nothing: then the page asks for two parts first.
const isSame = asked.get("a") === asked.get("b") && !["a_from", "a_to", "b_from", "b_to"].some((name) => asked.has(name));

const bar = make("nav", { className: "tools" });
bar.setAttribute("aria-label", "Comparison");
bar.append(link("← Sessions", "/sessions"));
const print = make("button", { type: "button", textContent: "Print" });
print.addEventListener("click", () => window.print());
if (!isSame) bar.append(print, link("Hand-out for the patient", `/compare/handout?${asked}`));
for (const id of isSame ? ["a"] : ["a", "b"]) bar.append(link(isSame ? "Replay" : `Replay ${id.toUpperCase()}`, `/replay/${encodeURIComponent(asked.get(id))}`));
for (const speed of isSame ? [] : document.body.dataset.otherSpeeds?.split(" ").filter(Boolean) ?? []) bar.append(link(`At ${speed} km/h`, `/compare?${withAsked({ speed_kmh: speed })}`));

// Parts: minutes and seconds in, seconds out.
const seconds = (text) => {
  const found = /^(?:(\d+):)?(\d+):([0-5]?\d)$/.exec(text.trim());
  return found ? 3600 * Number(found[1] ?? 0) + 60 * Number(found[2]) + Number(found[3]) : null;
};
const shown = (value) => (value === null ? "" : `${Math.floor(value / 60)}:${String(Math.round(value % 60)).padStart(2, "0")}`);
const fields = [["a_from", "A from"], ["a_to", "A to"], ["b_from", "B from"], ["b_to", "B to"]].map(([name, label]) => {
  const input = make("input", { name, placeholder: "m:ss", size: 6, autocomplete: "off", value: shown(asked.has(name) ? Number(asked.get(name)) : null) });
  return [input, make("label", {}, `${label} `, input)];
});
const trouble = make("p", { className: "soft" });
trouble.setAttribute("role", "status");
const form = make("form", { className: "tools" }, ...fields.map(([, label]) => label), make("button", { textContent: "Compare these parts" }), ...(isSame ? [] : [link("Whole runs", `/compare?${withAsked({ a_from: null, a_to: null, b_from: null, b_to: null })}`)]), trouble);
form.addEventListener("submit", (event) => {
  event.preventDefault();
  const wrong = fields.find(([input]) => input.value.trim() && seconds(input.value) === null);
  if (isSame && fields.every(([input]) => !input.value.trim())) { trouble.textContent = "Say from when to when at least one part goes."; fields[0][0].focus(); return; }
  if (wrong) { trouble.textContent = `“${wrong[0].value}” is no time; write minutes:seconds, as 2:30.`; wrong[0].focus(); return; }
  location.search = withAsked(Object.fromEntries(fields.map(([input]) => [input.name, input.value.trim() ? seconds(input.value) : ""])));
});
const parts = make("details", { className: "parts", open: isSame || fields.some(([input]) => input.value) }, make("summary", { textContent: isSame ? "Two parts of this run" : "Compare parts of the runs" }), form);
document.querySelector("header").prepend(bar);
document.querySelector("header").append(parts);
if (isSame) {
  document.title = "Choose two parts – tallrun";
  document.querySelector("h1").textContent = "Choose two parts of this run";
  document.getElementById("window").textContent = "Say from when to when each part goes, in minutes and seconds since the start. Easy and hard, or early and late, for example.";
  for (const node of document.querySelectorAll("main > section:not(.sides), header > .warn, .sides > article:not(:first-child), .sides .letter")) node.remove();
}
