(() => {
  const figures = JSON.parse(document.getElementById("figure-data").textContent);
  const options = { responsive: true, displaylogo: false, modeBarButtonsToRemove: ["lasso2d", "select2d", "sendDataToCloud"] };
  const draw = (box) => {
    if (box.dataset.drawn) return;
    box.dataset.drawn = "yes";
    const item = figures[box.dataset.figure];
    const ink = getComputedStyle(document.body).color;
    item.layout.font.color = ink;
    if (window.matchMedia("(max-width: 600px)").matches) { item.layout.legend.y = -0.3; item.layout.legend.x = 0; item.layout.legend.xanchor = "left"; }
    Plotly.newPlot(box, item.data, item.layout, options);
  };
  const boxes = [...document.querySelectorAll(".plot")];
  const seen = new IntersectionObserver((entries) => entries.filter((entry) => entry.isIntersecting).forEach((entry) => { draw(entry.target); seen.unobserve(entry.target); }), { rootMargin: "300px" });
  boxes.forEach((box) => seen.observe(box));
  window.addEventListener("beforeprint", () => boxes.forEach(draw));
  window.tallrunDrawAll = () => boxes.forEach(draw);
})();
