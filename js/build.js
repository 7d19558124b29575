import { createHash } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";

import { build } from "esbuild";

const licence = readFileSync("node_modules/three/LICENSE", "utf8").trim();

// Of all that the bundle is made from, so that a test can tell when it is stale.
const digest = createHash("sha256");
for (const file of readdirSync("src").sort()) digest.update(readFileSync(`src/${file}`));
digest.update(readFileSync("package-lock.json"));
const note = `Built from js/ by \`make viewer\`; do not edit. Source ${digest.digest("hex")}. Contains three.js:`;

await build({
  entryPoints: ["src/index.js"],
  outfile: "../faceviz/display/static/viewer.js",
  bundle: true,
  format: "esm",
  target: "es2022",
  minify: true,
  legalComments: "none",
  loader: { ".css": "text" },
  banner: { js: `/* ${note}\n\n${licence}\n*/` },
});
