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
    if (window.matchMedia("(max-width: 600px)").matches) { item.layout.legend.y = -0.3; item.layout.legend.x = 0; item.layout.legend.xanchor = "left"; }
    Plotly.newPlot(box, item.data, item.layout, options).then(() => {
      if (item.layout.meta && item.layout.meta.lane) box.on("plotly_relayout", (change) => follow(box, change));
    });
  };
  const boxes = [...document.querySelectorAll(".plot")];
  const seen = new IntersectionObserver((entries) => entries.filter((entry) => entry.isIntersecting).forEach((entry) => { draw(entry.target); seen.unobserve(entry.target); }), { rootMargin: "300px" });
  boxes.forEach((box) => seen.observe(box));
  window.addEventListener("beforeprint", () => boxes.forEach(draw));
  window.tallrunDrawAll = () => boxes.forEach(draw);
})();
