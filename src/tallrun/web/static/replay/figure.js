// The moving side view: both feet by their own paths, the pelvis as a wedge; and the stride against the session.

import { at } from "./data.js";
import { fit, palette, text } from "./paint.js";

const FOOT_M = 0.27;
const PELVIS_M = 0.92;
const GHOST = 5;

export class SideView {
  constructor(canvas, session) {
    this.canvas = canvas;
    this.session = session;
  }

  draw(time) {
    const { pen, width, height } = fit(this.canvas);
    const colours = palette();
    pen.clearRect(0, 0, width, height);
    const scale = Math.min(width / 2.6, (height - 50) / 1.25);
    const ground = height - 26;
    const middle = width / 2;
    pen.strokeStyle = colours.line;
    pen.lineWidth = 2;
    pen.beginPath(); pen.moveTo(8, ground); pen.lineTo(width - 8, ground); pen.stroke();
    text(pen, "running this way →", width - 10, height - 8, colours["ink-soft"], 12, "right");
    const known = { left: false, right: false };
    // the left foot is the far one when the runner faces right, so it is painted first
    for (const foot of ["left", "right"]) known[foot] = this.foot(pen, foot, time, middle, ground, scale, colours);
    this.pelvis(pen, time, middle, ground, scale, colours);
    const missing = ["left", "right"].filter((foot) => !known[foot]);
    if (missing.length) text(pen, missing.length === 2 ? "No measured stride at this moment." : `No measured stride of the ${missing[0]} foot here.`, 10, 36, colours["ink-soft"], 13);
  }

  foot(pen, foot, time, middle, ground, scale, colours) {
    const phase = this.session.phase(foot, time);
    if (!phase) return false;
    const forward = this.session.shape(foot, phase.place, 2);
    const up = this.session.shape(foot, phase.place, 3);
    const pitch = this.session.shape(foot, phase.place, 0);
    if (!forward || !up || !pitch) return false;
    const { strides } = this.session;
    const length = forward[forward.length - 1];
    const since = (strides.foot_flat_s[phase.row] ?? strides.initial_contact_s[phase.row]) - strides.initial_contact_s[phase.row];
    const speed = strides.belt_speed_mps[phase.row] ?? strides.speed_mps[phase.row] ?? 0;
    const ahead = strides.foot_ahead_m[phase.row];
    // against the pelvis: the ground goes back at running speed while the foot follows its own path
    const start = ahead === null ? 0.1 : ahead - speed * since;
    const relative = (share) => start + at(forward, share) - length * share;
    const colour = colours[foot];
    pen.strokeStyle = colour;
    pen.globalAlpha = 0.25;
    pen.lineWidth = 2;
    pen.setLineDash(foot === "right" ? [6, 4] : []);
    pen.beginPath();
    for (let point = 0; point <= 50; point += 1) {
      const share = point / 50;
      const x = middle + scale * relative(share);
      const y = ground - scale * at(up, share) - 6;
      if (point === 0) pen.moveTo(x, y); else pen.lineTo(x, y);
    }
    pen.stroke();
    pen.setLineDash([]);
    for (let ghost = GHOST; ghost >= 0; ghost -= 1) {
      const share = phase.share - 0.035 * ghost;
      if (share < 0) continue;
      pen.globalAlpha = ghost ? 0.14 : 1;
      this.shoe(pen, middle + scale * relative(share), ground - scale * at(up, share), at(pitch, share), scale, colour, foot, ghost === 0);
    }
    pen.globalAlpha = 1;
    return true;
  }

  shoe(pen, x, y, pitchDeg, scale, colour, foot, isNow) {
    const half = (scale * FOOT_M) / 2;
    pen.save();
    pen.translate(x, y - 4);
    pen.rotate((-pitchDeg * Math.PI) / 180);
    pen.fillStyle = colour;
    pen.beginPath();
    pen.moveTo(-half, 0); pen.lineTo(half, 0);
    pen.quadraticCurveTo(half * 0.95, -10, half * 0.3, -12);
    pen.lineTo(-half * 0.55, -22); pen.lineTo(-half, -18);
    pen.closePath();
    pen.fill();
    if (isNow) {
      pen.rotate((pitchDeg * Math.PI) / 180);
      text(pen, foot === "left" ? "L" : "R", -4, -26, colour, 14, "left", "bold");
      pen.beginPath();
      if (foot === "left") pen.arc(-12, -31, 4, 0, 7); else pen.rect(-16, -35, 8, 8);
      pen.fill();
    }
    pen.restore();
  }

  pelvis(pen, time, middle, ground, scale, colours) {
    const row = this.session.strideAt(time);
    const tilt = row < 0 ? null : this.session.strides.pelvic_tilt_deg[row];
    const y = ground - scale * PELVIS_M;
    const half = 0.13 * scale;
    pen.save();
    pen.translate(middle, y);
    pen.strokeStyle = colours["ink-soft"];
    pen.setLineDash([4, 4]);
    pen.beginPath(); pen.moveTo(-half * 1.6, 0); pen.lineTo(half * 1.6, 0); pen.stroke();
    pen.setLineDash([]);
    // anterior tilt lowers the front, and the runner faces right
    if (tilt !== null) pen.rotate((tilt * Math.PI) / 180);
    pen.globalAlpha = tilt === null ? 0.3 : 0.9;
    pen.fillStyle = colours.pelvis;
    pen.beginPath(); pen.moveTo(-half, -half * 0.45); pen.lineTo(half * 1.15, 0); pen.lineTo(-half, half * 0.45); pen.closePath();
    pen.fill();
    pen.restore();
    const sigma = row < 0 ? null : this.session.strides.pelvic_tilt_sigma_deg[row];
    const words = tilt === null ? "pelvis: tilt not known here" : `pelvis ${tilt.toFixed(1)}°${sigma === null ? "" : ` ± ${(2 * sigma).toFixed(1)}`} forward of standing`;
    text(pen, words, 10, 18, colours.ink, 12);
  }
}

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
        pen.fillStyle = colours.ink;
        pen.beginPath();
        const px = x(50 * phase.share);
        const py = y(at(now, phase.share));
        if (foot === "left") pen.arc(px, py, 5, 0, 7); else pen.rect(px - 5, py - 5, 10, 10);
        pen.fill();
      }
      text(pen, `${foot === "left" ? "● L left" : "■ R right"}${now ? "" : ": no stride here"}`, left, 16, colours[foot], 13, "left", "bold");
      text(pen, `${high.toFixed(0)}°`, left - 4, 32, colours["ink-soft"], 11, "right");
      text(pen, `${low.toFixed(0)}°`, left - 4, height - 22, colours["ink-soft"], 11, "right");
      text(pen, wide > 230 ? "% of stride, from foot-flat" : "% of stride", left + (wide - 44) / 2, height - 6, colours["ink-soft"], 11, "center");
    });
  }
}
