// Runs a component of world `backend` without our host:
// node execute.mjs MODULES COMPONENT FOLDER <request >report
//
// The request is {config: {key: value}, cancelled, jobs: [job]}; a job is the WIT's, in
// JavaScript's spelling, with `shots` as a decimal string. jco turns the
// component into JavaScript in FOLDER. The report is
// {device | failure, results: [execution | {failure}], logs, progress}, with
// every 64-bit number as a decimal string.
import { randomBytes } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";

const [modules, component, folder] = process.argv.slice(2);
const jco = await import(pathToFileURL(createRequire(join(modules, "package.json")).resolve("@bytecodealliance/jco")));

const chunks = [];
for await (const chunk of process.stdin) chunks.push(chunk);
const { config, cancelled, jobs } = JSON.parse(Buffer.concat(chunks));

const { files } = await jco.transpile(await readFile(component), { name: "guest", instantiation: "async", noTypescript: true });
for (const [name, bytes] of Object.entries(files)) {
  await mkdir(dirname(join(folder, name)), { recursive: true });
  await writeFile(join(folder, name), bytes);
}
await writeFile(join(folder, "package.json"), '{"type":"module"}');
const { instantiate } = await import(pathToFileURL(join(folder, "guest.js")));

const report = { results: [], logs: [], progress: [] };
const imports = {
  "coda:executor/context": {
    log: (level, message) => void report.logs.push([level, message]),
    cancelled: () => cancelled,
    progress: (shots) => void report.progress.push(shots),
  },
  "coda:executor/config": {
    get: (key) => config[key],
    keys: () => Object.keys(config),
  },
  // What the adapter for WASI preview 1 asks for; only randomness is served.
  "wasi:random/random": { getRandomBytes: (length) => new Uint8Array(randomBytes(Number(length))) },
  "wasi:io/error": { Error: class {} },
  "wasi:io/streams": { OutputStream: class {} },
  "wasi:cli/stderr": { getStderr: () => { throw new Error("the guest writes to standard error"); } },
};
const compile = async (name) => WebAssembly.compile(await readFile(join(folder, name)));
const { executor } = await instantiate(compile, imports);

// A WIT result that is an error is thrown with the error as its payload.
const attempt = (call) => {
  try {
    return call();
  } catch (error) {
    if (error.payload === undefined) throw error;
    return { failure: error.payload };
  }
};
const opened = attempt(() => executor.open());
if (opened.failure) report.failure = opened.failure;
else {
  report.device = opened;
  for (const job of jobs) {
    job.shots = BigInt(job.shots);
    job.circuit.measurements = Uint16Array.from(job.circuit.measurements);
    report.results.push(attempt(() => executor.run(job)));
  }
}
process.stdout.write(JSON.stringify(report, (_, value) => (typeof value === "bigint" ? String(value) : value)));
