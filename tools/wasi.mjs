// Runs a program compiled for WebAssembly with WASI in Node: node --no-warnings tools/wasi.mjs PROGRAM.wasm [ARGUMENT…]
import { readFile } from "node:fs/promises";
import { WASI } from "node:wasi";

const args = process.argv.slice(2);
const wasi = new WASI({ version: "preview1", args, env: process.env });

// Rust's standard library names these two functions of the C library, and Debian's wasi-libc does not have them. Nobody
// calls them: there are no threads here.
const neverCalled = () => {
  throw new Error("a program without threads has called a function for threads");
};
const env = { pthread_join: neverCalled, pthread_detach: neverCalled };

const module = await WebAssembly.compile(await readFile(args[0]));
process.exitCode = wasi.start(await WebAssembly.instantiate(module, { ...wasi.getImportObject(), env }));
