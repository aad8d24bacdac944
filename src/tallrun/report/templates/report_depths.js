// On a phone: one depth at a time, cards and tables folded, one figure chosen from a list. On a desk all of it, as it is.
(() => {
  const narrow = window.matchMedia("(max-width: 600px)");
  const depths = ["page-one", "figures", "tables"].map((id) => document.getElementById(id));
  const links = [...document.querySelectorAll("header nav a")];
  const OPEN_FIRST = ["stood-out", "next-step"];
  const fold = (box, head, rest) => {
    const details = document.createElement("details");
    details.className = "fold";
    const summary = document.createElement("summary");
    head.before(details);
    summary.append(head);
    details.append(summary, ...rest);
    return details;
  };
  const inner = [...document.querySelectorAll("#page-one details.fold")];
  // Wrapped once; on a desk and on paper they simply stand open.
  const folds = [
    ...[...document.querySelectorAll("#page-one > article")].map((card) => [fold(card, card.querySelector("h2"), [...card.children].slice(1)), OPEN_FIRST.includes(card.id)]),
    ...[...document.querySelectorAll("#tables h3")].map((head) => {
      const rest = [];
      for (let next = head.nextElementSibling; next && next.tagName !== "H3" && !next.matches(".last"); next = next.nextElementSibling) rest.push(next);
      return [fold(null, head, rest), false];
    }),
  ];
  folds.push(...inner.map((details) => [details, false]));
  for (const [details] of folds) details.firstElementChild.addEventListener("click", (event) => { if (!narrow.matches) event.preventDefault(); });
  const figures = [...document.querySelectorAll("#figures figure, #figures .withheld")];
  const choice = document.createElement("label");
  choice.className = "figure-choice";
  const select = document.createElement("select");
  select.setAttribute("aria-label", "Figure");
  for (const item of figures) select.add(new Option(item.dataset.title ?? item.querySelector("strong")?.textContent ?? item.id, item.id));
  choice.append(select);
  const showFigure = () => { for (const item of figures) item.classList.toggle("shown", item.id === select.value); window.dispatchEvent(new Event("resize")); };
  select.addEventListener("change", showFigure);
  const show = (id) => {
    const target = id ? document.getElementById(id) : null;
    const depth = depths.find((item) => item === target || (target && item.contains(target))) ?? depths[0];
    for (const item of depths) item.classList.toggle("shown", item === depth);
    for (const link of links) if (link.hash === `#${depth.id}`) link.setAttribute("aria-current", "true"); else link.removeAttribute("aria-current");
    if (figures.includes(target)) { select.value = target.id; }
    showFigure();
  };
  const lay = () => {
    document.body.classList.toggle("by-depth", narrow.matches);
    if (narrow.matches && figures.length) depths[1].prepend(choice); else choice.remove();
    for (const [details, isFirst] of folds) {
      details.firstElementChild.tabIndex = narrow.matches ? 0 : -1;
      details.open = !narrow.matches || isFirst;
    }
    if (narrow.matches) show(location.hash.slice(1));
  };
  // A link inside the page leads to what may be put away just now.
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[href^='#']");
    if (!link || !narrow.matches) return;
    event.preventDefault();
    show(link.hash.slice(1));
    scrollTo(0, 0);
  });
  window.addEventListener("hashchange", () => { if (narrow.matches) show(location.hash.slice(1)); });
  narrow.addEventListener("change", lay);
  lay();
})();
