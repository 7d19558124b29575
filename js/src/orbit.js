// A turntable camera on a canvas: drag turns, right drag or shift-drag shifts, wheel and pinch zoom, keys do all of it.

import { Matrix4, Quaternion, Vector3 } from "three";

const TURN = 0.0075; // radians per pixel
const STEP = 0.12; // radians per key press
const POLE = 0.02; // radians kept from looking straight along `up`

export class Orbit {
  constructor(camera, element, changed) {
    this.camera = camera;
    this.changed = changed;
    this.target = new Vector3();
    this.up = new Vector3(0, 1, 0);
    this.offset = new Vector3(0, 0, 1); // camera minus target
    this.dragged = false;
    this.moved = false; // has the user ever taken the camera?
    this.pointers = new Map();
    this.abort = new AbortController();
    const on = (name, handler, options = {}) =>
      element.addEventListener(name, handler, { signal: this.abort.signal, ...options });
    on("pointerdown", (event) => this.down(event, element));
    on("pointermove", (event) => this.drag(event));
    on("pointerup", (event) => this.pointers.delete(event.pointerId));
    on("pointercancel", (event) => this.pointers.delete(event.pointerId));
    on("wheel", (event) => this.wheel(event), { passive: false });
    on("contextmenu", (event) => event.preventDefault());
    on("keydown", (event) => this.key(event));
  }

  dispose() {
    this.abort.abort();
  }

  /** Looks at the origin against `forward`, so that a ball of `radius` fits a pane of `aspect`, of whose height `share` is free. */
  frame(forward, up, radius, aspect, share) {
    const half = (this.camera.fov * Math.PI) / 360;
    const narrow = Math.atan(Math.tan(half) * Math.min(share, aspect));
    this.target.set(0, 0, 0);
    this.up.copy(up).normalize();
    this.offset.copy(forward).setLength(radius / Math.sin(narrow));
    this.radius = radius;
    this.moved = false;
    this.apply();
  }

  /** Takes over where another orbit looks. */
  lookAs(other) {
    for (const name of ["target", "up", "offset"]) this[name].copy(other[name]);
    this.radius = other.radius;
    if (this.radius) this.apply(other.moved);
  }

  turn(dx, dy) {
    const away = this.offset.clone().normalize();
    const right = new Vector3().crossVectors(this.up, away).normalize();
    const polar = away.angleTo(this.up);
    const tilt = Math.min(Math.max(polar - dy, POLE), Math.PI - POLE) - polar;
    this.offset.applyQuaternion(new Quaternion().setFromAxisAngle(right, tilt));
    this.offset.applyQuaternion(new Quaternion().setFromAxisAngle(this.up, -dx));
    this.apply(true);
  }

  shift(dx, dy, height) {
    const scale = (2 * this.offset.length() * Math.tan((this.camera.fov * Math.PI) / 360)) / height;
    const axes = new Matrix4().extractRotation(this.camera.matrixWorld);
    this.target.addScaledVector(new Vector3().setFromMatrixColumn(axes, 0), -dx * scale);
    this.target.addScaledVector(new Vector3().setFromMatrixColumn(axes, 1), dy * scale);
    this.apply(true);
  }

  zoom(factor) {
    const length = this.offset.length() * factor;
    this.offset.setLength(Math.min(Math.max(length, 0.15 * this.radius), 40 * this.radius));
    this.apply(true);
  }

  apply(byUser = false) {
    this.moved ||= byUser;
    this.camera.position.copy(this.target).add(this.offset);
    this.camera.up.copy(this.up);
    this.camera.lookAt(this.target);
    this.camera.near = Math.max(this.offset.length() - 6 * this.radius, 0.01 * this.radius);
    this.camera.far = this.offset.length() + 12 * this.radius;
    this.camera.updateMatrixWorld();
    this.changed();
  }

  down(event, element) {
    if (event.target !== element) return;
    element.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, { x: event.clientX, y: event.clientY, button: event.button });
    this.dragged = false;
  }

  drag(event) {
    const held = this.pointers.get(event.pointerId);
    if (!held) return;
    const [dx, dy] = [event.clientX - held.x, event.clientY - held.y];
    if (!this.dragged && Math.hypot(dx, dy) < 4 && this.pointers.size < 2) return;
    this.dragged = true;
    const height = event.currentTarget.clientHeight;
    if (this.pointers.size > 1) this.pinch(event, dx, dy, height);
    else if (held.button === 2 || held.button === 1 || event.shiftKey) this.shift(dx, dy, height);
    else this.turn(dx * TURN, dy * TURN);
    Object.assign(held, { x: event.clientX, y: event.clientY });
  }

  pinch(event, dx, dy, height) {
    const [other] = [...this.pointers].filter(([id]) => id !== event.pointerId).map(([, held]) => held);
    const now = Math.hypot(event.clientX - other.x, event.clientY - other.y);
    const before = Math.hypot(event.clientX - dx - other.x, event.clientY - dy - other.y);
    if (now > 0 && before > 0) this.zoom(before / now);
    this.shift(dx / 2, dy / 2, height);
  }

  wheel(event) {
    event.preventDefault();
    this.zoom(Math.exp(Math.max(-80, Math.min(80, event.deltaY)) * 0.0016));
  }

  key(event) {
    const turns = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] };
    if (turns[event.key]) this.turn(...turns[event.key]);
    else if (event.key === "+" || event.key === "=") this.zoom(0.9);
    else if (event.key === "-") this.zoom(1 / 0.9);
    else return;
    event.preventDefault();
  }
}
