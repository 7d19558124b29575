// What is written over the picture: titles, colour bar, axes, the chosen landmark. One painter for screen and snapshot.

import { Vector3 } from "three";

const FONT = "'Roboto', 'Inter', 'Segoe UI', system-ui, sans-serif";
const AXES = [["x", "#e5484d"], ["y", "#30a46c"], ["z", "#3e8bff"]];

const THEMES = {
  light: { paper: "#ffffff", edge: "#eef1f6", ink: "#1c2330", soft: "#5b6575", rule: "#d5dae2", halo: "#ffffffd0" },
  dark: { paper: "#1d222b", edge: "#12151b", ink: "#e9edf4", soft: "#a3adbd", rule: "#343c49", halo: "#12151bd0" },
};

export function paintBackground(ctx, stage, look) {
  const theme = THEMES[look.dark ? "dark" : "light"];
  for (const { x, y, width, height } of stage.layout()) {
    const wash = ctx.createRadialGradient(x + width / 2, y + height * 0.45, 0, x + width / 2, y + height * 0.45, Math.hypot(width, height) * 0.6);
    wash.addColorStop(0, theme.paper);
    wash.addColorStop(1, theme.edge);
    ctx.fillStyle = wash;
    ctx.fillRect(x, y, width, height);
  }
}

export function paintHud(ctx, stage, look, lut) {
  const theme = THEMES[look.dark ? "dark" : "light"];
  const boxes = stage.layout();
  boxes.slice(1).forEach((box) => divider(ctx, box, theme));
  look.panes.forEach((pane, i) => title(ctx, boxes[i], pane, theme));
  axes(ctx, boxes[0], stage, theme);
  if (look.selected >= 0) stage.panes.forEach((_, i) => tag(ctx, boxes[i], stage, i, look, theme));
  if (look.bar) bar(ctx, stage, look, lut, theme);
}

function divider(ctx, box, theme) {
  ctx.fillStyle = theme.rule;
  if (box.x > 0) ctx.fillRect(box.x - 0.5, 0, 1, box.height);
  else ctx.fillRect(0, box.y - 0.5, box.width, 1);
}

function title(ctx, box, pane, theme) {
  ctx.textAlign = "left";
  ctx.textBaseline = "alphabetic";
  ctx.fillStyle = theme.ink;
  ctx.font = `600 15px ${FONT}`;
  ctx.fillText(pane.title, box.x + 16, box.y + 28, box.width - 32);
  ctx.fillStyle = theme.soft;
  ctx.font = `12.5px ${FONT}`;
  ctx.fillText(pane.note ?? "", box.x + 16, box.y + 47, box.width - 32);
}

/** The scan's own axes as they now point. */
function axes(ctx, box, stage, theme) {
  if (!stage.panes.length) return;
  const [x0, y0, length] = [box.x + 42, box.y + box.height - 42, 24];
  const turn = stage.camera.matrixWorldInverse.clone().multiply(stage.pose);
  const ends = AXES.map(([name, colour], i) => {
    const end = new Vector3().setFromMatrixColumn(turn, i).normalize();
    return { name, colour, end };
  }).sort((a, b) => a.end.z - b.end.z);
  ctx.textAlign = "center";
  ctx.textBaseline = "middle";
  ctx.lineCap = "round";
  for (const { name, colour, end } of ends) {
    const [x, y] = [x0 + end.x * length, y0 - end.y * length];
    ctx.strokeStyle = ctx.fillStyle = colour;
    ctx.lineWidth = 2.25;
    ctx.beginPath();
    ctx.moveTo(x0, y0);
    ctx.lineTo(x, y);
    ctx.stroke();
    ctx.font = `600 11px ${FONT}`;
    haloText(ctx, name, x0 + end.x * (length + 10), y0 - end.y * (length + 10), colour, theme.halo);
  }
}

function tag(ctx, box, stage, i, look, theme) {
  const landmark = stage.panes[i].landmarks[look.selected];
  if (!landmark || !Number.isFinite(landmark.x)) return;
  const at = stage.projector(i)(landmark.x, landmark.y, landmark.z, new Vector3());
  const name = look.names[look.selected] ?? "";
  ctx.font = `600 12.5px ${FONT}`;
  const width = ctx.measureText(name).width + 16;
  const right = at.x + 34 + width < box.x + box.width - 8;
  const x = Math.max(right ? at.x + 30 : at.x - 30 - width, box.x + 6);
  const y = Math.min(Math.max(at.y - 30, box.y + 62), box.y + box.height - 90);
  ctx.strokeStyle = theme.ink;
  ctx.lineWidth = 1;
  ctx.beginPath();
  ctx.moveTo(at.x, at.y);
  ctx.lineTo(right ? x : x + width, y);
  ctx.stroke();
  ctx.fillStyle = theme.ink;
  ctx.beginPath();
  ctx.roundRect(x, y - 12, width, 24, 6);
  ctx.fill();
  ctx.fillStyle = theme.paper;
  ctx.textAlign = "left";
  ctx.textBaseline = "middle";
  ctx.fillText(name, x + 8, y + 0.5);
}

/** One bar for all panes, with the IoU threshold marked on it. */
function bar(ctx, stage, look, lut, theme) {
  const [left, right] = [96, stage.size.x - 190]; // between the axes and the buttons
  const width = Math.max(Math.min(300, right - left), 60);
  const x = Math.max(Math.min((stage.size.x - width) / 2, right - width), left);
  const [y, height] = [stage.size.y - 36, 11];
  ctx.fillStyle = theme.halo;
  ctx.beginPath();
  ctx.roundRect(x - 16, y - 27, width + 32, 60, 8);
  ctx.fill();
  const colours = ctx.createLinearGradient(x, 0, x + width, 0);
  for (let i = 0; i < 256; i += 5) colours.addColorStop(i / 255, `rgb(${lut[3 * i]} ${lut[3 * i + 1]} ${lut[3 * i + 2]})`);
  ctx.fillStyle = colours;
  ctx.fillRect(x, y, width, height);
  ctx.fillStyle = theme.soft;
  ctx.textAlign = "center";
  ctx.textBaseline = "alphabetic";
  ctx.font = `12px ${FONT}`;
  ctx.fillText(look.bar.label, x + width / 2, y - 9, width);
  const [low, high] = look.range;
  ctx.textBaseline = "top";
  ctx.font = `11px ${FONT}`;
  const ticks = width > 170 ? [0, 0.25, 0.5, 0.75, 1] : [0, 0.5, 1];
  for (const value of ticks.map((t) => low + t * (high - low))) {
    ctx.fillText(String(+value.toFixed(high - low > 20 ? 0 : high - low > 2 ? 1 : 3)), x + ((value - low) / (high - low)) * width, y + height + 4);
  }
  const mark = look.bar.mark;
  if (mark == null || mark < low || mark > high) return;
  const at = x + ((mark - low) / (high - low)) * width;
  ctx.strokeStyle = theme.ink;
  ctx.lineWidth = 1.5;
  ctx.beginPath();
  ctx.moveTo(at, y - 3);
  ctx.lineTo(at, y + height + 3);
  ctx.stroke();
}

function haloText(ctx, text, x, y, colour, halo) {
  ctx.lineWidth = 3;
  ctx.strokeStyle = halo;
  ctx.strokeText(text, x, y);
  ctx.fillStyle = colour;
  ctx.fillText(text, x, y);
}
