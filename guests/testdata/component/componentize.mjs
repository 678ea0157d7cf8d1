// Wraps a core module into a component of world `backend`, as its author would
// with the ecosystem's tools: node componentize.mjs MODULES WIT CORE COMPONENT
//
// MODULES is the folder whose node_modules holds jco. A module that does not fit
// the WIT ends this with status 1 and the reason on standard error.
import { readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [modules, wit, core, component] = process.argv.slice(2);
const jco = await import(pathToFileURL(createRequire(join(modules, "package.json")).resolve("@bytecodealliance/jco")));

try {
  const embedded = await jco.componentEmbed({
    binary: await readFile(core),
    witSource: await readFile(wit, "utf8"),
    world: "backend",
  });
  // The adapter stands for WASI preview 1 (random_get); unused parts are dropped.
  const adapter = await readFile(jco.preview1AdapterReactorPath());
  await writeFile(component, await jco.componentNew(embedded, [["wasi_snapshot_preview1", adapter]]));
} catch (error) {
  console.error(String(error));
  process.exit(1);
}
