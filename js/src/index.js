// The viewer as one ES module: Jupyter (anywidget) and Panel (JSComponent) both call `render({model, el})`.

import { Vector3 } from "three";
import { READERS, readAll } from "./data.js";
import { paintBackground, paintHud } from "./hud.js";
import { Orbit } from "./orbit.js";
import { pick } from "./pick.js";
import { Stage } from "./stage.js";
import style from "./style.css";
import { download, showTip, snapshot, toolbar } from "./tools.js";

const WRITTEN = 96; // pixels of the height that titles and colour bar take
const STILL = 400; // milliseconds without a change, after which a picture drawn in software is drawn again, finely
const [COARSE, FINE] = [0.7, 2]; // pixels drawn per pixel of the screen, along each side, until then and after

/** For benchmarks/latency.py, which puts the list there. */
const mark = (stage) => window.facevizTrace?.push({ stage, at: (performance.timeOrigin + performance.now()) / 1000 });

const make = (tag, className) => Object.assign(document.createElement(tag), { className });

class Viewer {
  constructor(model, el) {
    this.model = model;
    this.values = readAll(model);
    this.buildDom(el);
    if (!this.mount()) return this.withoutWebGL();
    this.tell("webgl", "ok");
    this.follow();
    this.say(model.get("message"));
  }

  buildDom(el) {
    this.root = make("div", "fv");
    this.back = make("canvas", "back");
    this.hud = make("canvas", "hud");
    this.tip = make("div", "tip");
    this.note = make("div", "note");
    this.note.setAttribute("role", "status");
    this.note.hidden = true;
    const { bar, buttons } = toolbar({
      dots: { label: "Show or hide the landmarks (L)", icon: "dots", run: () => this.toggle("show_landmarks") },
      doubt: { label: "Show or hide the uncertainty (U)", icon: "doubt", run: () => this.toggle("show_uncertainty") },
      front: { label: "Look from the front (F)", icon: "front", run: () => this.front() },
      camera: { label: "Save the picture as PNG (S)", icon: "camera", run: () => this.save() },
    });
    this.buttons = buttons;
    this.root.append(this.back, this.hud, bar, this.tip, this.note);
    const sheet = make("style");
    sheet.textContent = style;
    el.replaceChildren(sheet, this.root);
    el.style.height = el.style.height || "100%";
  }

  /** A new canvas with its context and listeners, under the camera of the one before; false without WebGL. */
  mount() {
    const before = this.orbit;
    this.unmount();
    this.gl = make("canvas", "gl");
    this.gl.tabIndex = 0;
    this.gl.setAttribute("role", "img");
    this.gl.setAttribute("aria-label", "3D view, still empty");
    try {
      this.stage = new Stage(this.gl);
    } catch {
      return false;
    }
    this.back.after(this.gl);
    this.orbit = new Orbit(this.stage.camera, this.gl, () => { this.written = false; this.ask(); });
    if (before) this.orbit.lookAs(before);
    this.stale = new Set(Object.keys(READERS));
    this.shape = null;
    this.listen();
    this.resize();
    return true;
  }

  unmount() {
    this.abort?.abort();
    this.resizer?.disconnect();
    cancelAnimationFrame(this.frame);
    cancelAnimationFrame(this.told);
    clearTimeout(this.still);
    this.waiting = false;
    this.orbit?.dispose();
    this.stage?.dispose();
    this.gl?.remove();
    this.orbit = this.stage = this.gl = null;
  }

  listen() {
    this.abort = new AbortController();
    const on = (name, handler) => this.gl.addEventListener(name, handler, { signal: this.abort.signal });
    on("pointermove", (event) => this.hover(event));
    on("pointerleave", () => this.unhover());
    on("click", (event) => this.click(event));
    on("keydown", (event) => this.key(event));
    on("webglcontextlost", (event) => this.lost(event));
    this.resizer = new ResizeObserver(() => this.resize());
    this.resizer.observe(this.root);
  }

  say(text) {
    this.note.hidden = !text;
    this.note.textContent = text ?? "";
  }

  /** Values that change are marked stale and read once per frame, however many arrive: the latest wins. */
  follow() {
    this.handlers = Object.keys(READERS).map((name) => [`change:${name}`, () => { mark(`${name} arrives`); this.stale.add(name); this.ask(); }]);
    this.handlers.push(["change:tick", () => this.ask()]);
    this.handlers.push(["change:message", () => this.say(this.model.get("message"))]);
    this.handlers.push(["change:shoot", () => this.save()]);
    for (const [name, handler] of this.handlers) this.model.on(name, handler);
  }

  dispose() {
    clearTimeout(this.retry);
    this.unmount();
    for (const [name, handler] of this.handlers ?? []) this.model.off(name, handler);
  }

  ask() {
    if (this.waiting || !this.stage || this.retry) return;
    this.waiting = true;
    this.frame = requestAnimationFrame(() => { this.waiting = false; this.paint(); });
  }

  refresh() {
    const stale = this.stale;
    this.stale = new Set();
    for (const name of stale) this.values[name] = READERS[name](this.model.get(name));
    const { look, points, heat, landmarks, pose, lut } = this.values;
    if (!look?.panes || !points.length) return false;
    const shape = `${look.panes.map((pane) => pane.body ?? 0)} ${look.mode}`;
    const anew = ["points", "normals", "triangles"].some((name) => stale.has(name)) || shape !== this.shape;
    const has = (...names) => anew || names.some((name) => stale.has(name));
    this.shape = shape;
    if (anew) this.unhover();
    if (has("look")) this.dress(look);
    if (anew) this.stage.setGeometry(this.values);
    if (has("lut") && lut.length) this.stage.setLut(lut);
    if (has("heat")) {
      this.stage.setHeat(heat);
      this.heats = (this.heats ?? 0) + 1; // how often new heat was drawn
    }
    if (has("landmarks", "look")) this.stage.setLandmarks(landmarks, this.shown(look));
    if (has("pose", "look") && pose.length === 16) this.stage.setPose(pose);
    if (has("look", "lut", "pose") || (has("landmarks") && look.selected >= 0)) this.written = false;
    if (look.scan !== this.scan) { this.scan = look.scan; this.front(); }
    return true;
  }

  dress(look) {
    this.stage.setLook(look);
    this.root.toggleAttribute("data-ready", true);
    this.root.toggleAttribute("data-dark", Boolean(look.dark));
    this.root.style.minHeight = look.height ? `${look.height}px` : "";
    this.gl.setAttribute("aria-label", look.panes.map((pane) => `${pane.title}: ${pane.note ?? ""}`).join("; "));
    this.buttons.dots.setAttribute("aria-pressed", String(this.shown(look).show_landmarks));
    this.buttons.doubt.setAttribute("aria-pressed", String(this.shown(look).show_uncertainty));
    this.buttons.doubt.hidden = !look.panes.some((pane) => pane.spread);
  }

  shown(look) {
    return { ...look, ...this.toggled };
  }

  paint() {
    mark("paint begins");
    if (!this.refresh()) return;
    this.draw(this.stage.software ? COARSE : 1);
    this.write();
    mark("paint ends");
    this.report(this.model.get("tick"));
    clearTimeout(this.still);
    this.root.toggleAttribute("data-still", !this.stage.software);
    if (this.stage.software) this.still = setTimeout(() => this.polish(), STILL);
  }

  /** Nothing moves: the same picture with four samples a pixel. */
  polish() {
    this.draw(FINE);
    this.root.toggleAttribute("data-still", true);
  }

  draw(fineness) {
    const ratio = fineness * this.ratio();
    if (this.stage.renderer.getPixelRatio() !== ratio) this.stage.resize(this.stage.size.x, this.stage.size.y, ratio);
    this.stage.draw(fineness === COARSE);
  }

  /** The layers behind and over the scan, where they have changed. */
  write() {
    const { look, lut } = this.values;
    const backdrop = `${this.stage.size.x} ${this.stage.size.y} ${look.dark} ${look.panes.length}`;
    if (backdrop !== this.backdrop) this.paper(this.back, (ctx) => paintBackground(ctx, this.stage, look));
    this.backdrop = backdrop;
    if (!this.written) this.paper(this.hud, (ctx) => paintHud(ctx, this.stage, look, lut));
    this.written = true;
  }

  /** What is on the screen, for the server and for whoever looks at the page from outside. */
  report(tick) {
    const { look } = this.values;
    Object.assign(this.root.dataset, { drawn: tick, heats: this.heats ?? 0, selected: look.selected, panes: look.panes.length });
    cancelAnimationFrame(this.told);
    this.told = requestAnimationFrame(() => { // what is told to the server comes back as numbers, which would delay the picture
      if (tick !== this.model.get("drawn")) this.tell("drawn", tick);
    });
  }

  paper(canvas, paint) {
    const ratio = this.ratio();
    const { x, y } = this.stage.size;
    const [width, height] = [Math.round(x * ratio), Math.round(y * ratio)];
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    const ctx = canvas.getContext("2d");
    ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    ctx.clearRect(0, 0, x, y);
    paint(ctx);
  }

  ratio() {
    return Math.min(window.devicePixelRatio || 1, 2);
  }

  resize() {
    if (!this.stage) return;
    this.stage.resize(this.root.clientWidth, this.root.clientHeight, this.ratio());
    this.written = false;
    if (!this.orbit.moved && this.scan !== undefined) this.front();
    this.ask();
  }

  front() {
    const { look } = this.values;
    if (!look?.panes) return;
    const { width, height } = this.stage.layout()[0];
    const free = Math.max(height - WRITTEN, height / 2);
    const ball = look.radius * (width < free ? 1 : 0.9); // in a narrow pane, a head stays inside however it is turned
    this.orbit.frame(new Vector3(...look.forward), new Vector3(...look.up), ball, width / height, free / height);
  }

  toggle(name) {
    this.toggled = { ...this.toggled, [name]: !this.shown(this.values.look)[name] };
    this.stale.add("look");
    this.ask();
  }

  key(event) {
    if (event.key === "f") this.front();
    else if (event.key === "s") this.save();
    else if (event.key === "l") this.toggle("show_landmarks");
    else if (event.key === "u") this.toggle("show_uncertainty");
    else if (event.key === "[" || event.key === "]") this.step(event.key === "]" ? 1 : -1);
    else if (event.key === "Escape") this.select(-1);
  }

  async save() {
    if (!this.stage?.panes.length) return;
    download(await snapshot(this.stage, this.values.look, this.values.lut), this.values.look.file || "faceviz.png");
  }

  under(event) {
    const box = this.gl.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  hover(event) {
    this.at = this.orbit.pointers.size ? null : this.under(event);
    if (!this.at) return this.unhover();
    this.hovering ??= requestAnimationFrame(() => { this.hovering = null; this.describe(); });
  }

  unhover() {
    this.at = null;
    this.tip.style.visibility = "hidden";
  }

  describe() {
    const hit = this.at && this.stage.panes.length && pick(this.stage, ...this.at);
    this.gl.style.cursor = hit?.landmark >= 0 ? "pointer" : "";
    if (!hit) return (this.tip.style.visibility = "hidden");
    const { look } = this.values;
    const pane = this.stage.panes[hit.pane];
    const name = hit.landmark >= 0 ? `${look.names[hit.landmark]} (${hit.landmark})` : "";
    const lines = [];
    if (hit.point >= 0) {
      const at = this.moved(pane.points, hit.point).map((v) => rounded(v, look.digits)).join(", ");
      const { name: what, unit, digits } = look.value;
      lines.push(`${what} ${pane.geometry.attributes.heat.array[hit.point].toFixed(digits)} ${unit}`.trim(), `${at} ${look.unit}`);
      if (name) lines.push(`Nearest: ${name}`);
    }
    showTip(this.tip, this.root, ...this.at, hit.point >= 0 ? `Point ${look.ids ? look.ids[hit.point] : hit.point}` : name, lines);
  }

  /** Coordinates of a point after the motion, in the scan's frame and unit. */
  moved(points, index) {
    const at = new Vector3().fromArray(points, 3 * index).applyMatrix4(this.stage.pose);
    return at.toArray().map((v, i) => v + this.values.look.centre[i]);
  }

  click(event) {
    if (this.orbit.dragged || !this.stage.panes.length) return;
    this.gl.focus({ preventScroll: true });
    this.select(pick(this.stage, ...this.under(event))?.landmark ?? -1);
  }

  /** To the landmark after or before the one that is chosen. */
  step(by) {
    const { names, selected } = this.values.look;
    this.select(selected < 0 ? (by > 0 ? 0 : names.length - 1) : (selected + by + names.length) % names.length);
  }

  select(landmark) {
    this.model.set("clicks", (this.model.get("clicks") ?? 0) + 1);
    this.tell("selected", landmark);
  }

  tell(name, value) {
    this.model.set(name, value);
    this.model.save_changes();
  }

  /** The context is gone: another canvas takes its place, as soon as the driver grants it a context. */
  lost(event) {
    event.preventDefault();
    this.say("The graphics driver dropped this picture; it is being made again.");
    const again = () => {
      this.retry = null;
      if (this.mount()) return this.say(this.model.get("message"));
      this.retry = setTimeout(again, 1000);
    };
    this.retry = setTimeout(again, 500);
  }

  /** Pictures drawn by Python take the place of the canvas. */
  withoutWebGL() {
    this.tell("webgl", "none");
    this.note.hidden = false;
    const say = Object.assign(document.createElement("div"), {
      textContent: "This browser has no WebGL 2, so the picture is drawn on the server and cannot be turned by mouse.",
    });
    const image = Object.assign(document.createElement("img"), { alt: "The scan with its heatmaps" });
    this.note.append(image, say);
    const show = () => {
      const bytes = this.model.get("picture");
      this.root.toggleAttribute("data-dark", Boolean(READERS.look(this.model.get("look"))?.dark));
      image.hidden = !bytes?.byteLength;
      if (image.hidden) return;
      URL.revokeObjectURL(image.src);
      image.src = URL.createObjectURL(new Blob([bytes], { type: "image/png" }));
    };
    this.handlers = [["change:picture", show], ["change:look", show]];
    for (const [name, handler] of this.handlers) this.model.on(name, handler);
    show();
  }
}

function rounded(value, digits) {
  const text = value.toFixed(digits);
  return Number(text) === 0 ? (0).toFixed(digits) : text; // no "-0.0"
}

/** Panel's model, whose values are plain properties, in the form that anywidget defines. */
function asWidgetModel(model) {
  return {
    get: (name) => model[name],
    set: (name, value) => { model[name] = value; },
    save_changes: () => {},
    on: (event, handler) => model.on(event, handler),
    off: (event, handler) => model.off(event, handler),
  };
}

function render({ model, el }) {
  if (typeof model.get === "function") {
    const viewer = new Viewer(model, el);
    return () => viewer.dispose();
  }
  const viewer = new Viewer(asWidgetModel(model), el);
  model.on("remove", () => viewer.dispose());
}

export default { render };
