import { build } from "esbuild";

await build({
  entryPoints: ["src/index.js"],
  outfile: "../faceviz/display/static/viewer.js",
  bundle: true,
  format: "esm",
  target: "es2022",
  minify: true,
  legalComments: "eof",
  loader: { ".css": "text" },
  banner: { js: "/* Built from js/ by `make viewer`; do not edit. */" },
});
