// The moving side view: both feet by their own measured paths, the pelvis as a wedge against a standing line.

import { at } from "./data.js";
import { fit, mark, palette, text } from "./paint.js";
import { SIDE } from "./words.js";

const FOOT_M = 0.27;
const GHOSTS = 4;
/** Strides looked at to find how much room a session's feet need. */
const SAMPLE = 60;

export class SideView {
  constructor(canvas, session) {
    this.canvas = canvas;
    this.session = session;
    this.room = this.roomNeeded();
    this.hasGhosts = !window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  }

  /** Reach of the feet over the session, against the pelvis: {back, ahead, up} in metres. */
  roomNeeded() {
    const room = { back: -0.5, ahead: 0.5, up: 0.25 };
    for (const foot of ["left", "right"]) {
      const { rows } = this.session.paths[foot];
      for (let place = 0; place < rows.length; place += Math.max(1, Math.floor(rows.length / SAMPLE))) {
        const path = this.path(foot, { place, row: rows[place] });
        if (!path) continue;
        for (let share = 0; share <= 1; share += 0.05) {
          room.back = Math.min(room.back, path.x(share));
          room.ahead = Math.max(room.ahead, path.x(share));
          room.up = Math.max(room.up, path.height(share));
        }
      }
    }
    return room;
  }

  /** A stride's path against the pelvis, or null: x(share) [m], up and pitch as shapes. */
  path(foot, phase) {
    const forward = this.session.shape(foot, phase.place, 2);
    const up = this.session.shape(foot, phase.place, 3);
    const pitch = this.session.shape(foot, phase.place, 0);
    if (!forward || !up || !pitch) return null;
    const { detected } = this.session;
    const length = forward[forward.length - 1];
    const since = (detected.foot_flat_s[phase.row] ?? detected.initial_contact_s[phase.row]) - detected.initial_contact_s[phase.row];
    const speed = detected.belt_speed_mps[phase.row] ?? detected.speed_mps[phase.row] ?? 0;
    const ahead = detected.foot_ahead_m[phase.row];
    // the ground goes back at running speed while the foot follows its own path
    const start = ahead === null ? 0.1 : ahead - speed * since;
    // where the lowest point of the shoe would hang if it were drawn by the sensor alone
    const low = (share) => at(up, share) - 0.5 * FOOT_M * Math.abs(Math.sin((at(pitch, share) * Math.PI) / 180));
    const [leaves, lands] = this.stance(foot, phase);
    const drop = (share) => {
      if (leaves === null || share <= leaves || share >= lands) return low(share);
      const swing = (share - leaves) / (lands - leaves);
      return Math.min(low(share), low(leaves) + swing * (low(lands) - low(leaves)));
    };
    return { up, pitch, pitchAt: (share) => at(pitch, share), x: (share) => start + at(forward, share) - length * share, height: (share) => at(up, share) - drop(share) };
  }

  /** Shares of a path, foot-flat to foot-flat, at which the foot leaves the ground and lands again; [null, null] unknown. */
  stance(foot, phase) {
    const { rows, flats } = this.session.paths[foot];
    const { detected } = this.session;
    const share = (time) => (time === null || time === undefined ? NaN : (time - flats[phase.place]) / (flats[phase.place + 1] - flats[phase.place]));
    const leaves = share(detected.final_contact_s[phase.row]);
    const lands = share(detected.initial_contact_s[rows[phase.place + 1]]);
    return leaves > 0 && leaves < lands && lands <= 1 ? [leaves, lands] : [null, null];
  }

  /** Draw a moment; returns what is not known about it, as sentences. */
  draw(time) {
    const { pen, width, height } = fit(this.canvas);
    const colours = palette();
    pen.clearRect(0, 0, width, height);
    const { back, ahead, up } = this.room;
    const ground = height - 24;
    const pelvisRoom = Math.max(62, 0.26 * height);
    const scale = Math.min((width - 24) / (ahead - back + FOOT_M), (ground - pelvisRoom) / (up + 0.12));
    const view = { pen, colours, ground, scale, hip: width / 2 - (scale * (back + ahead)) / 2, pelvisY: pelvisRoom * 0.62 };
    pen.strokeStyle = colours.line;
    pen.lineWidth = 2;
    pen.beginPath(); pen.moveTo(8, ground + 1); pen.lineTo(width - 8, ground + 1); pen.stroke();
    text(pen, "running this way →", width - 10, height - 7, colours["ink-soft"], 12, "right");
    const unknown = [];
    // the left foot is the far one when the runner faces right, so it is painted first
    for (const foot of ["left", "right"]) if (!this.foot(view, foot, time)) unknown.push(this.session.silence(foot, time));
    if (unknown.length === 2) text(pen, this.session.modeAt(time) === "stand" ? "standing" : "no stride known here", width / 2, ground - 30, colours["ink-soft"], 16, "center");
    const tilt = this.pelvis(view, time, width);
    if (!tilt) unknown.push(this.pelvisSilence(time));
    return [...new Set(unknown)];
  }

  foot({ pen, colours, ground, scale, hip, pelvisY }, foot, time) {
    const phase = this.session.phase(foot, time);
    const path = phase && this.path(foot, phase);
    if (!path) return false;
    const colour = colours[foot];
    const x = (share) => hip + scale * path.x(share);
    const y = (share) => ground - scale * path.height(share);
    pen.strokeStyle = colour;
    pen.globalAlpha = 0.16;
    pen.lineWidth = 2;
    pen.setLineDash(foot === "right" ? [6, 4] : []);
    pen.beginPath();
    for (let point = 0; point < 50; point += 1) {
      if (point === 0) pen.moveTo(x(0), y(0) - 6); else pen.lineTo(x(point / 50), y(point / 50) - 6);
    }
    pen.closePath();
    pen.stroke();
    pen.globalAlpha = 0.3;
    pen.lineWidth = 4;
    pen.beginPath(); pen.moveTo(hip, pelvisY); pen.lineTo(x(phase.share) - 0.3 * FOOT_M * scale, y(phase.share) - 20); pen.stroke();
    pen.setLineDash([]);
    for (let ghost = this.hasGhosts ? GHOSTS : 0; ghost >= 0; ghost -= 1) {
      const share = phase.share - 0.04 * ghost;
      if (share < 0) continue;
      pen.globalAlpha = ghost ? 0.07 : 1;
      this.shoe(pen, ground, x(share), y(share), at(path.pitch, share), scale, colour);
    }
    pen.globalAlpha = 1;
    const turn = (at(path.pitch, phase.share) * Math.PI) / 180;
    const half = 0.5 * FOOT_M * scale;
    const top = Math.min(y(phase.share), ground - half * Math.abs(Math.sin(turn))) - half * (0.8 * Math.cos(turn) + Math.abs(Math.sin(turn))) - 8;
    mark(pen, foot, x(phase.share) - 12, top - 5, 5, colour);
    text(pen, SIDE[foot].slice(-1), x(phase.share) - 3, top, colour, 16, "left", "bold");
    return true;
  }

  shoe(pen, ground, x, y, pitchDeg, scale, colour) {
    const half = (scale * FOOT_M) / 2;
    // a shoe that stands on its toes or heel is drawn on the ground, not in it
    const sunk = Math.max(0, y + half * Math.abs(Math.sin((pitchDeg * Math.PI) / 180)) - ground);
    pen.save();
    pen.translate(x, y - sunk);
    pen.rotate((-pitchDeg * Math.PI) / 180);
    pen.fillStyle = colour;
    pen.beginPath();
    pen.moveTo(-half, 0); pen.lineTo(half, 0);
    pen.quadraticCurveTo(half * 0.98, -half * 0.34, half * 0.3, -half * 0.42);
    pen.lineTo(-half * 0.5, -half * 0.8); pen.lineTo(-half, -half * 0.7);
    pen.closePath();
    pen.fill();
    pen.restore();
  }

  /** The wedge, turned by the tilt against the dashed standing line; false when the tilt is not known. */
  pelvis({ pen, colours, hip, pelvisY }, time, width) {
    const { strides } = this.session;
    const row = this.session.strideNow(time);
    const tilt = row < 0 ? null : strides.pelvic_tilt_deg[row];
    const half = Math.min(46, pelvisY * 0.95);
    pen.save();
    pen.translate(hip, pelvisY);
    pen.strokeStyle = colours["ink-soft"];
    pen.lineWidth = 1.5;
    pen.setLineDash([5, 4]);
    pen.beginPath(); pen.moveTo(-half * 1.5, 0); pen.lineTo(half * 1.9, 0); pen.stroke();
    // anterior tilt lowers the front, and the runner faces right
    if (tilt !== null) pen.rotate((tilt * Math.PI) / 180);
    pen.beginPath(); pen.moveTo(-half, -half * 0.42); pen.lineTo(half * 1.2, 0); pen.lineTo(-half, half * 0.42); pen.closePath();
    pen.strokeStyle = colours.pelvis;
    pen.fillStyle = colours.pelvis;
    if (tilt === null) pen.stroke();
    else {
      pen.setLineDash([]);
      pen.fill();
      pen.beginPath(); pen.moveTo(half, 0); pen.lineTo(half * 1.9, 0); pen.stroke();
    }
    pen.restore();
    const words = tilt === null ? "tilt not known here" : `${tilt.toFixed(1)}°${this.doubt(row)}`;
    const isLeft = hip + half * 2 + 130 > width;
    const x = isLeft ? hip - half * 1.6 : hip + half * 2;
    text(pen, words, x, pelvisY - 4, colours.ink, tilt === null ? 13 : 18, isLeft ? "right" : "left", tilt === null ? "" : "bold");
    text(pen, "pelvis, from standing", x, pelvisY + 13, colours["ink-soft"], 12, isLeft ? "right" : "left");
    return tilt !== null;
  }

  doubt(row) {
    const sigma = this.session.strides.pelvic_tilt_sigma_deg[row];
    return sigma === null ? "" : ` ± ${(2 * sigma).toFixed(1)}`;
  }

  pelvisSilence(time) {
    if (!this.session.sensors.includes("pelvis")) return "No sensor at the pelvis.";
    if (this.session.modeAt(time) === "stand") return "Standing: no stride to draw.";
    return "Pelvis tilt is not known here.";
  }
}
