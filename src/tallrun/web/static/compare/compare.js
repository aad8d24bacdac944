// What the comparison page can do inside the app: print, hand out, another speed. Without it the page is complete.

const asked = new URLSearchParams(location.search);
const bar = document.createElement("nav");
bar.setAttribute("aria-label", "Comparison");
bar.className = "tools";

const print = Object.assign(document.createElement("button"), { type: "button", textContent: "Print" });
print.addEventListener("click", () => window.print());
bar.append(print);

const handout = Object.assign(document.createElement("a"), { textContent: "Hand-out for the patient" });
handout.href = `/compare/handout?${asked}`;
bar.append(handout);

const swap = new URLSearchParams(asked);
swap.set("a", asked.get("b"));
swap.set("b", asked.get("a"));
bar.append(Object.assign(document.createElement("a"), { textContent: "Swap A and B", href: `/compare?${swap}` }));

for (const id of ["a", "b"]) {
  const link = Object.assign(document.createElement("a"), { textContent: `Replay ${id.toUpperCase()}` });
  link.href = `/replay/${encodeURIComponent(asked.get(id))}`;
  bar.append(link);
}
for (const speed of document.body.dataset.otherSpeeds?.split(" ").filter(Boolean) ?? []) {
  const at = new URLSearchParams(asked);
  at.set("speed_kmh", speed);
  bar.append(Object.assign(document.createElement("a"), { textContent: `At ${speed} km/h`, href: `/compare?${at}` }));
}
document.querySelector("header").prepend(bar);
