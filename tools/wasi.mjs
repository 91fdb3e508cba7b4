// Runs a program compiled for WebAssembly with WASI in Node: node --no-warnings tools/wasi.mjs PROGRAM.wasm [ARGUMENT…]
import { readFile } from "node:fs/promises";
import { WASI } from "node:wasi";

const args = process.argv.slice(2);
const wasi = new WASI({ version: "preview1", args, env: process.env });

const module = await WebAssembly.compile(await readFile(args[0]));

// Rust's standard library names functions of the C library for threads, and Debian's wasi-libc does not have them.
// Nobody calls them: there is one processor here, so the crate starts no thread.
const neverCalled = () => {
  throw new Error("a program without threads has called a function for threads");
};
const missing = WebAssembly.Module.imports(module).filter((one) => one.module === "env" && one.name.startsWith("pthread_"));
const env = Object.fromEntries(missing.map((one) => [one.name, neverCalled]));

process.exitCode = wasi.start(await WebAssembly.instantiate(module, { ...wasi.getImportObject(), env }));
