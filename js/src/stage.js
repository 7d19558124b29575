// The WebGL side: the same moved scan in one or two panes, one camera, one colour table.

import {
  BufferAttribute, BufferGeometry, Color, DataTexture, DoubleSide, Group, InstancedMesh, LinearFilter, LineBasicMaterial,
  LineSegments, Matrix4, Mesh, MeshBasicMaterial, PerspectiveCamera, Points, RGBAFormat, Scene, ShaderMaterial,
  SphereGeometry, Vector2, Vector3, WebGLRenderer,
} from "three";
import { coarsened } from "./coarse.js";
import { pointShader, sphereShader, surfaceShader } from "./shaders.js";

export const FOV = 24;
const FOLLOW = 0.22; // radii that the scan may move away before the view goes along
const PLAIN = new Color("#f4f6fb");
const CHOSEN = new Color("#12c4ff");
const SUSPECT = new Color("#ff3b4e");
const NEARER = { polygonOffset: true, polygonOffsetFactor: -6, polygonOffsetUnits: -60 }; // out of the skin
const IN_MOTION = 4000; // triangles a pane, where they are drawn in software; a head's 24,000 take four times as long
const BALL = new SphereGeometry(1, 14, 10);

/** Without a graphics card, four samples a pixel cost three quarters of the time; the answer is known once a page. */
function drawnInSoftware() {
  if (drawnInSoftware.known === undefined) {
    const gl = document.createElement("canvas").getContext("webgl2");
    const info = gl?.getExtension("WEBGL_debug_renderer_info");
    const name = gl ? String(gl.getParameter(info ? info.UNMASKED_RENDERER_WEBGL : gl.RENDERER)) : "";
    drawnInSoftware.known = /swiftshader|llvmpipe|softpipe|software|basic render/i.test(name);
    gl?.getExtension("WEBGL_lose_context")?.loseContext();
  }
  return drawnInSoftware.known;
}

export class Stage {
  constructor(canvas) {
    this.software = drawnInSoftware();
    const antialias = !this.software;
    const context = canvas.getContext("webgl2", { antialias, alpha: true });
    if (!context) throw new Error("no WebGL 2");
    this.renderer = new WebGLRenderer({ canvas, context, antialias, alpha: true });
    this.renderer.setClearAlpha(0);
    this.renderer.setScissorTest(true);
    this.camera = new PerspectiveCamera(FOV, 1, 0.1, 100);
    this.size = new Vector2(1, 1);
    this.lut = new DataTexture(new Uint8Array(256 * 4), 256, 1, RGBAFormat);
    this.lut.minFilter = this.lut.magFilter = LinearFilter;
    this.uniforms = {
      lut: { value: this.lut },
      range: { value: new Vector2(0, 1) },
      pointRadius: { value: 0.01 },
      pixelsPerUnit: { value: 1 },
      hasNormals: { value: 0 },
    };
    const defines = this.software ? { LIGHT_PER_VERTEX: 1 } : {};
    this.materials = {
      points: new ShaderMaterial({ ...pointShader, uniforms: this.uniforms }),
      surface: new ShaderMaterial({ ...surfaceShader, defines, uniforms: this.uniforms, side: DoubleSide }),
      spheres: new ShaderMaterial({ ...sphereShader, uniforms: this.uniforms }),
      spread: new MeshBasicMaterial({ color: 0x3e8bff, transparent: true, opacity: 0.5, depthWrite: false, ...NEARER }),
      lines: new LineBasicMaterial({ color: 0x808894, transparent: true, opacity: 0.75 }),
    };
    this.panes = [];
    this.inMotion = new WeakMap(); // by the triangles of all bodies
    this.pose = new Matrix4();
    this.offset = new Vector3();
  }

  dispose() {
    this.clear();
    this.lut.dispose();
    Object.values(this.materials).forEach((material) => material.dispose());
    this.renderer.dispose();
    this.renderer.forceContextLoss();
  }

  clear() {
    for (const pane of this.panes) pane.dispose();
    this.panes = [];
  }

  setLut(rgb) {
    const rgba = this.lut.image.data;
    for (let i = 0; i < 256; i++) rgba.set([rgb[3 * i], rgb[3 * i + 1], rgb[3 * i + 2], 255], 4 * i);
    this.lut.needsUpdate = true;
  }

  /** New points or triangles: everything that hangs on them is made anew; the camera stays. */
  setGeometry({ points, normals, triangles, look }) {
    this.clear();
    const surface = look.mode === "surface" && triangles.length > 0;
    const hasNormals = surface || normals.length === points.length;
    let [p, t] = [0, 0];
    const bodies = (look.bodies ?? [{ points: points.length / 3, triangles: triangles.length / 3 }]).map((body, i) => {
      const shared = new BufferGeometry();
      const [from, to] = [3 * p, 3 * (p += body.points)];
      shared.setAttribute("position", new BufferAttribute(points.subarray(from, to), 3));
      if (normals.length === points.length) shared.setAttribute("normal", new BufferAttribute(normals.subarray(from, to), 3));
      if (surface) shared.setIndex(new BufferAttribute(triangles.subarray(3 * t, 3 * (t += body.triangles)), 1));
      if (surface && this.software) shared.userData.coarse = this.coarse(triangles, i, shared);
      if (surface && !shared.attributes.normal) shared.computeVertexNormals();
      return shared;
    });
    this.uniforms.hasNormals.value = hasNormals ? 1 : 0;
    this.panes = look.panes.map((pane, i) => new Pane(i, bodies[pane.body ?? 0], surface, this));
  }

  /** The triangles of a body in motion; a face that is refined keeps them, while its points move. */
  coarse(triangles, body, { index, attributes }) {
    if (!this.inMotion.has(triangles)) this.inMotion.set(triangles, []);
    const fewer = (this.inMotion.get(triangles)[body] ??= coarsened(attributes.position.array, index.array, IN_MOTION));
    return new BufferAttribute(fewer, 1);
  }

  setHeat(heat) {
    if (heat.length !== this.panes.reduce((sum, pane) => sum + pane.count, 0)) return; // of former points; its own is on the way
    let at = 0;
    for (const pane of this.panes) pane.setHeat(heat.subarray(at, (at += pane.count)));
  }

  setLandmarks(landmarks, look) {
    const each = landmarks.length / Math.max(this.panes.length, 1);
    for (const pane of this.panes) pane.setLandmarks(landmarks.subarray(pane.index * each, (pane.index + 1) * each), look);
  }

  setLook(look) {
    this.uniforms.range.value.set(...look.range);
    this.uniforms.pointRadius.value = look.point_radius;
    this.radius = look.radius;
  }

  /** The scan's motion; far moves are followed, so that the scan never leaves the view. */
  setPose(rows) {
    this.pose.set(...rows);
    const shift = new Vector3().setFromMatrixPosition(this.pose);
    const free = shift.clone().clampLength(0, FOLLOW * this.radius);
    this.offset.copy(shift.sub(free)).negate();
    const seen = new Matrix4().makeTranslation(this.offset).multiply(this.pose);
    for (const pane of this.panes) pane.setMatrix(seen);
  }

  resize(width, height, ratio) {
    this.size.set(Math.max(width, 1), Math.max(height, 1));
    this.renderer.setPixelRatio(ratio);
    this.renderer.setSize(this.size.x, this.size.y, false);
  }

  /** The panes' rectangles in CSS pixels, y downwards: side by side, or stacked where that is taller than wide. */
  layout() {
    const n = Math.max(this.panes.length, 1);
    const stacked = this.size.y > 1.25 * this.size.x;
    const [width, height] = stacked ? [this.size.x, this.size.y / n] : [this.size.x / n, this.size.y];
    return Array.from({ length: n }, (_, i) => ({
      x: stacked ? 0 : i * width, y: stacked ? i * height : 0, width, height,
    }));
  }

  /** @param moving in software with fewer triangles */
  draw(moving = false) {
    for (const pane of this.panes) pane.simplify(moving);
    const ratio = this.renderer.getPixelRatio();
    this.layout().forEach((box, i) => {
      const bottom = this.size.y - box.y - box.height;
      this.renderer.setViewport(box.x, bottom, box.width, box.height);
      this.renderer.setScissor(box.x, bottom, box.width, box.height);
      this.camera.aspect = box.width / box.height;
      this.camera.updateProjectionMatrix();
      this.uniforms.pixelsPerUnit.value = (box.height * ratio) / (2 * Math.tan((FOV * Math.PI) / 360));
      if (this.panes[i]) this.renderer.render(this.panes[i].scene, this.camera);
      else this.renderer.clear();
    });
  }

  /** A function that puts a point of a pane's moved scan on the canvas: CSS x, y, and z its distance to the camera. */
  projector(index) {
    const box = this.layout()[index];
    this.camera.aspect = box.width / box.height;
    this.camera.updateProjectionMatrix();
    const m = new Matrix4()
      .multiplyMatrices(this.camera.projectionMatrix, this.camera.matrixWorldInverse)
      .multiply(this.panes[index].group.matrix).elements;
    return (x, y, z, out) => {
      const w = m[3] * x + m[7] * y + m[11] * z + m[15];
      const right = (m[0] * x + m[4] * y + m[8] * z + m[12]) / w;
      const up = (m[1] * x + m[5] * y + m[9] * z + m[13]) / w;
      return out.set(box.x + ((right + 1) / 2) * box.width, box.y + ((1 - up) / 2) * box.height, w);
    };
  }
}

class Pane {
  constructor(index, shared, surface, stage) {
    this.index = index;
    this.stage = stage;
    this.geometry = new BufferGeometry();
    for (const [name, attribute] of Object.entries(shared.attributes)) this.geometry.setAttribute(name, attribute);
    if (shared.index) this.geometry.setIndex(shared.index);
    this.indices = { fine: shared.index, coarse: shared.userData.coarse ?? shared.index };
    this.points = shared.attributes.position.array;
    this.count = this.points.length / 3;
    this.geometry.setAttribute("heat", new BufferAttribute(new Float32Array(this.count), 1));
    const { points, surface: skin } = stage.materials;
    this.body = surface ? new Mesh(this.geometry, skin) : new Points(this.geometry, points);
    this.body.frustumCulled = false;
    this.group = new Group();
    this.group.matrixAutoUpdate = false;
    this.group.add(this.body);
    this.scene = new Scene();
    this.scene.add(this.group);
    this.landmarks = [];
  }

  dispose() {
    this.geometry.dispose();
    this.spheres?.geometry.dispose();
    this.spread?.dispose();
    this.lines?.geometry.dispose();
  }

  simplify(coarse) {
    if (this.indices.fine) this.geometry.setIndex(coarse ? this.indices.coarse : this.indices.fine);
  }

  setMatrix(matrix) {
    this.group.matrix.copy(matrix);
    this.group.matrixWorldNeedsUpdate = true;
  }

  setHeat(values) {
    const heat = this.geometry.attributes.heat;
    heat.array.set(values);
    heat.needsUpdate = true;
  }

  setLandmarks(xyz, look) {
    this.landmarks = [];
    for (let i = 0; i + 2 < xyz.length; i += 3) this.landmarks.push(new Vector3(xyz[i], xyz[i + 1], xyz[i + 2]));
    if (this.spheres?.geometry.attributes.position.count !== this.landmarks.length) this.makeSpheres();
    this.placeSpheres(look);
    this.drawSpread(look);
    this.drawLines(look);
  }

  /** The regions in which the truths lie: the unit sphere under each landmark's matrix. */
  drawSpread(look) {
    const spread = look.panes[this.index]?.spread;
    const shown = look.show_uncertainty && spread?.length === 9 * this.landmarks.length;
    if (this.spread) this.spread.visible = shown;
    if (!shown) return;
    if (!this.spread) {
      this.spread = new InstancedMesh(BALL, this.stage.materials.spread, this.landmarks.length);
      this.spread.frustumCulled = false;
      this.group.add(this.spread);
    }
    const matrix = new Matrix4();
    this.landmarks.forEach((at, i) => {
      const [a, b, c, d, e, f, g, h, k] = spread.slice(9 * i, 9 * i + 9);
      const known = Number.isFinite(at.x) ? 1 : 0;
      matrix.set(a, b, c, at.x || 0, d, e, f, at.y || 0, g, h, k, at.z || 0, 0, 0, 0, 1);
      if (!known) matrix.makeScale(0, 0, 0);
      this.spread.setMatrixAt(i, matrix);
    });
    this.spread.instanceMatrix.needsUpdate = true;
  }

  makeSpheres() {
    this.spheres?.removeFromParent();
    this.spheres?.geometry.dispose();
    const geometry = new BufferGeometry();
    for (const [name, size] of [["position", 3], ["tint", 3], ["radius", 1]]) {
      geometry.setAttribute(name, new BufferAttribute(new Float32Array(size * this.landmarks.length), size));
    }
    this.spheres = new Points(geometry, this.stage.materials.spheres);
    this.spheres.frustumCulled = false;
    this.group.add(this.spheres);
  }

  placeSpheres(look) {
    const { position, tint, radius } = this.spheres.geometry.attributes;
    const suspects = new Set(look.panes[this.index]?.suspects);
    this.landmarks.forEach((at, i) => {
      const chosen = i === look.selected;
      const shown = (look.show_landmarks || chosen) && Number.isFinite(at.x);
      radius.array[i] = shown ? look.radius * (chosen ? 0.024 : 0.0125) : 0;
      if (shown) at.toArray(position.array, 3 * i);
      (chosen ? CHOSEN : suspects.has(i) ? SUSPECT : PLAIN).toArray(tint.array, 3 * i);
    });
    position.needsUpdate = tint.needsUpdate = radius.needsUpdate = true;
  }

  drawLines(look) {
    this.lines?.removeFromParent();
    this.lines?.geometry.dispose();
    this.lines = null;
    const known = this.landmarks.length && this.landmarks.every((at) => Number.isFinite(at.x));
    if (!known || !look.show_landmarks) return;
    const ends = look.polylines.flatMap((line) => line.slice(1).flatMap((b, i) => [this.landmarks[line[i]], this.landmarks[b]]));
    this.lines = new LineSegments(new BufferGeometry().setFromPoints(ends), this.stage.materials.lines);
    this.lines.frustumCulled = false;
    this.group.add(this.lines);
  }
}
