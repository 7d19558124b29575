import { readFileSync } from "node:fs";

import { build } from "esbuild";

const licence = readFileSync("node_modules/three/LICENSE", "utf8").trim();

await build({
  entryPoints: ["src/index.js"],
  outfile: "../faceviz/display/static/viewer.js",
  bundle: true,
  format: "esm",
  target: "es2022",
  minify: true,
  legalComments: "none",
  loader: { ".css": "text" },
  banner: { js: `/* Built from js/ by \`make viewer\`; do not edit. Contains three.js:\n\n${licence}\n*/` },
});
