// The synced values, as typed arrays. Their meaning is documented in faceviz/display/wire.py.

/** A Float32Array, Uint32Array, ... over bytes that arrive as DataView, ArrayBuffer or Uint8Array. */
function view(bytes, Type) {
  if (!bytes || !bytes.byteLength) return new Type(0);
  const buffer = bytes.buffer ?? bytes;
  const start = bytes.byteOffset ?? 0;
  const end = start + bytes.byteLength;
  return new Type(buffer.slice(start, end));
}

export const READERS = {
  points: (bytes) => view(bytes, Float32Array), // N x 3, centred, unmoved
  normals: (bytes) => view(bytes, Float32Array), // N x 3 or empty
  triangles: (bytes) => view(bytes, Uint32Array), // M x 3 or empty
  heat: (bytes) => view(bytes, Float32Array), // panes x N
  landmarks: (bytes) => view(bytes, Float32Array), // panes x L x 3, NaN where unknown
  pose: (bytes) => view(bytes, Float32Array), // 4 x 4, row by row
  lut: (bytes) => view(bytes, Uint8Array), // 256 x 3
  look: (look) => (typeof look === "string" ? JSON.parse(look || "{}") : look), // Panel's comes as text: it is not searched
};

export function readAll(model) {
  return Object.fromEntries(Object.entries(READERS).map(([name, read]) => [name, read(model.get(name))]));
}
