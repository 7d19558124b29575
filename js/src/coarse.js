// Fewer triangles, for what is drawn in software while something moves.

/** About `count` triangles between some of the points, whose corners are drawn together in cubes (Rossignac and Borrel
 * 1993); all of them where there are few. Points keep their numbers, so that their colours and normals still fit. */
export function coarsened(points, triangles, count) {
  if (triangles.length <= 4.5 * count) return triangles;
  const cell = Math.sqrt((2 * area(points, triangles)) / count);
  if (!(cell > 0)) return triangles;
  const first = new Map(); // of each cube, its point
  const into = new Int32Array(points.length / 3).fill(-1);
  const cube = (at) => Math.floor(points[at] / cell) & 0x1ffff;
  for (const i of triangles) {
    if (into[i] >= 0) continue;
    const key = (cube(3 * i) * 0x20000 + cube(3 * i + 1)) * 0x20000 + cube(3 * i + 2);
    if (!first.has(key)) first.set(key, i);
    into[i] = first.get(key);
  }
  const kept = [];
  for (let t = 0; t < triangles.length; t += 3) {
    const [a, b, c] = [into[triangles[t]], into[triangles[t + 1]], into[triangles[t + 2]]];
    if (a !== b && b !== c && c !== a) kept.push(a, b, c);
  }
  return kept.length ? Uint32Array.from(kept) : triangles;
}

function area(points, triangles) {
  let sum = 0;
  for (let t = 0; t < triangles.length; t += 3) {
    const [a, b, c] = [3 * triangles[t], 3 * triangles[t + 1], 3 * triangles[t + 2]];
    const [ux, uy, uz] = [points[b] - points[a], points[b + 1] - points[a + 1], points[b + 2] - points[a + 2]];
    const [vx, vy, vz] = [points[c] - points[a], points[c + 1] - points[a + 1], points[c + 2] - points[a + 2]];
    sum += Math.hypot(uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx) / 2;
  }
  return sum;
}
