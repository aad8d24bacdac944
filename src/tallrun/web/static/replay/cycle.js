// The stride going on against the session's median and spread, left and right, from foot-flat to foot-flat.

import { at } from "./data.js";
import { fit, mark, palette, text } from "./paint.js";
import { SIDE } from "./words.js";

export class CycleView {
  constructor(canvas, session) {
    this.canvas = canvas;
    this.session = session;
  }

  draw(time) {
    const { pen, width, height } = fit(this.canvas);
    const colours = palette();
    pen.clearRect(0, 0, width, height);
    const typical = this.session.typical;
    const feet = ["left", "right"].filter((foot) => typical[foot]);
    if (!feet.length) { text(pen, "Too few clean strides for a median.", 12, 24, colours["ink-soft"], 13); return; }
    const wide = width / feet.length;
    let low = Infinity;
    let high = -Infinity;
    for (const foot of feet) {
      const { median, sd } = typical[foot].pitch_deg;
      median.forEach((value, place) => { low = Math.min(low, value - 2 * sd[place]); high = Math.max(high, value + 2 * sd[place]); });
    }
    feet.forEach((foot, index) => {
      const left = index * wide + 34;
      const x = (point) => left + ((wide - 44) * point) / 50;
      const y = (value) => 24 + ((height - 46) * (high - value)) / (high - low);
      const { median, sd } = typical[foot].pitch_deg;
      pen.globalAlpha = 0.22;
      pen.fillStyle = colours[foot];
      pen.beginPath();
      median.forEach((value, point) => (point ? pen.lineTo(x(point), y(value + sd[point])) : pen.moveTo(x(0), y(value + sd[0]))));
      for (let point = median.length - 1; point >= 0; point -= 1) pen.lineTo(x(point), y(median[point] - sd[point]));
      pen.fill();
      pen.globalAlpha = 1;
      pen.strokeStyle = colours[foot];
      pen.lineWidth = 1.5;
      pen.setLineDash([5, 4]);
      pen.beginPath();
      median.forEach((value, point) => (point ? pen.lineTo(x(point), y(value)) : pen.moveTo(x(0), y(value))));
      pen.stroke();
      pen.setLineDash([]);
      const phase = this.session.phase(foot, time);
      const now = phase && this.session.shape(foot, phase.place, 0);
      if (now) {
        pen.lineWidth = 3;
        pen.beginPath();
        now.forEach((value, point) => (point ? pen.lineTo(x(point), y(value)) : pen.moveTo(x(0), y(value))));
        pen.stroke();
        mark(pen, foot, x(50 * phase.share), y(at(now, phase.share)), 5, colours.ink);
      }
      text(pen, `${SIDE[foot]} ${foot}${now ? "" : ": no stride here"}`, left, 16, colours[foot], 13, "left", "bold");
      text(pen, `${high.toFixed(0)}°`, left - 4, 32, colours["ink-soft"], 11, "right");
      text(pen, `${low.toFixed(0)}°`, left - 4, height - 22, colours["ink-soft"], 11, "right");
      text(pen, wide > 230 ? "% of stride, from foot-flat" : "% of stride", left + (wide - 44) / 2, height - 6, colours["ink-soft"], 11, "center");
    });
  }
}
