// What lies under the pointer: the nearest point and the nearest landmark, both unhidden.

import { Vector3 } from "three";

const REACH = 11; // CSS pixels

/** `{pane, point, landmark}` under the canvas position, point and landmark -1 where there is none; or null. */
export function pick(stage, x, y) {
  const pane = stage.layout().findIndex((b) => x >= b.x && x < b.x + b.width && y >= b.y && y < b.y + b.height);
  if (!stage.panes[pane]) return null;
  const project = stage.projector(pane);
  const { points } = stage.panes[pane];
  const point = pointUnder(project, points, x, y, 0.12 * stage.radius);
  let landmark = landmarkUnder(project, stage.panes[pane].landmarks, x, y, point, 0.08 * stage.radius);
  if (!point && landmark < 0) return null;
  if (landmark < 0) landmark = landmarkBeside(stage.panes[pane].landmarks, points, point.index, 0.3 * stage.radius);
  return { pane, point: point?.index ?? -1, landmark };
}

/** Of the points within reach, the one nearest to the pointer in the frontmost layer of that thickness. */
function pointUnder(project, points, x, y, thickness) {
  const at = new Vector3();
  const hits = [];
  for (let i = 0; i < points.length / 3; i++) {
    project(points[3 * i], points[3 * i + 1], points[3 * i + 2], at);
    const away = Math.hypot(at.x - x, at.y - y);
    if (away < REACH && at.z > 0) hits.push({ index: i, away, distance: at.z });
  }
  if (!hits.length) return null;
  const front = hits.reduce((near, hit) => Math.min(near, hit.distance), Infinity);
  const layer = hits.filter((hit) => hit.distance - front < thickness);
  return layer.reduce((best, hit) => (hit.away < best.away ? hit : best));
}

function landmarkUnder(project, landmarks, x, y, point, thickness) {
  const at = new Vector3();
  let [best, reach] = [-1, REACH];
  landmarks.forEach((landmark, i) => {
    project(landmark.x, landmark.y, landmark.z, at); // NaN compares as out of reach
    const away = Math.hypot(at.x - x, at.y - y);
    const hidden = point && at.z - point.distance > thickness;
    if (away < reach && !hidden) [best, reach] = [i, away];
  });
  return best;
}

/** The landmark nearest in space to a point, within reach. */
function landmarkBeside(landmarks, points, index, reach) {
  const at = new Vector3().fromArray(points, 3 * index);
  let best = -1;
  landmarks.forEach((landmark, i) => {
    const away = landmark.distanceTo(at);
    if (away < reach) [best, reach] = [i, away];
  });
  return best;
}
