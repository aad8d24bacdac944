(() => {
  const figures = JSON.parse(document.getElementById("figure-data").textContent);
  const options = { responsive: true, displaylogo: false, modeBarButtonsToRemove: ["lasso2d", "select2d", "sendDataToCloud"] };
  // Lanes share the time axis: zoom one and the others follow, also those drawn later.
  let range = null;
  let isFollowing = false;
  const follow = async (from, change) => {
    const ranged = change["xaxis.range[0]"] !== undefined;
    if (isFollowing || !(ranged || change["xaxis.autorange"])) return;
    isFollowing = true;
    range = ranged ? [change["xaxis.range[0]"], change["xaxis.range[1]"]] : null;
    for (const box of boxes) {
      const item = figures[box.dataset.figure];
      if (!item.layout.meta || !item.layout.meta.lane) continue;
      item.layout.xaxis.range = range || item.layout.meta.whole;
      if (box !== from && box.dataset.drawn) await Plotly.relayout(box, { "xaxis.range": item.layout.xaxis.range });
    }
    isFollowing = false;
  };
  const draw = (box) => {
    if (box.dataset.drawn) return;
    box.dataset.drawn = "yes";
    const item = figures[box.dataset.figure];
    const ink = getComputedStyle(document.body).color;
    item.layout.font.color = ink;
    const isNarrow = window.matchMedia("(max-width: 600px)").matches;
    // words on a lane stand on a veil of the page's own colour, so that a curve below does not strike them out
    const veil = getComputedStyle(document.body).backgroundColor.replace(/rgba?\(([^,]+,[^,]+,[^,)]+).*/, "rgba($1, 0.75)");
    for (const note of item.layout.annotations ?? []) { note.bgcolor = veil; if (isNarrow) note.font = { ...note.font, size: 10 }; }
    if (isNarrow) { item.layout.legend.y = -0.3; item.layout.legend.x = 0; item.layout.legend.xanchor = "left"; }
    // a picture may hold nothing that takes the focus: with its tools it is a group, and a phone has no use for them
    if (!isNarrow) box.setAttribute("role", "group");
    Plotly.newPlot(box, item.data, item.layout, { ...options, displayModeBar: isNarrow ? false : "hover" }).then(() => {
      if (item.layout.meta && item.layout.meta.lane) box.on("plotly_relayout", (change) => follow(box, change));
    });
  };
  const boxes = [...document.querySelectorAll(".plot")];
  const seen = new IntersectionObserver((entries) => entries.filter((entry) => entry.isIntersecting).forEach((entry) => { draw(entry.target); seen.unobserve(entry.target); }), { rootMargin: "300px" });
  boxes.forEach((box) => seen.observe(box));
  // Paper is narrower than the window and plotly does not hear of it: 182 mm of A4 between its margins.
  // A little lower there, so that five lanes share a page.
  const PAPER_PX = 680;
  const PAIR_PX = 330;
  const LOWER = 0.68;
  const tall = Object.fromEntries(Object.entries(figures).map(([name, item]) => [name, item.layout.height]));
  const sizes = Object.fromEntries(Object.entries(figures).map(([name, item]) => [name, [item.layout.font.size ?? null, item.layout.title?.font?.size ?? null]]));
  const legendAt = Object.fromEntries(Object.entries(figures).map(([name, item]) => [name, item.layout.legend.y]));
  const paper = (box) => {
    const isPair = box.closest(".pairs") !== null;
    const size = isPair ? { "font.size": 9, "title.font.size": 10.5 } : {};
    return { autosize: false, width: isPair ? PAIR_PX : PAPER_PX, height: Math.round(LOWER * tall[box.dataset.figure]), "legend.y": 1.2, ...size };
  };
  window.addEventListener("beforeprint", () => boxes.forEach((box) => { draw(box); Plotly.relayout(box, paper(box)); }));
  window.addEventListener("afterprint", () => boxes.forEach((box) => Plotly.relayout(box, { autosize: true, width: null, height: tall[box.dataset.figure], "legend.y": legendAt[box.dataset.figure], "font.size": sizes[box.dataset.figure][0], "title.font.size": sizes[box.dataset.figure][1] })));
  window.tallrunDrawAll = () => boxes.forEach(draw);
})();
