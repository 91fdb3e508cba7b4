// Runs the program page.wasm: a question goes to its standard input, and each line that it writes, which it does in one
// piece, is sent back. The bytes are given away as they are: while a network trains, most answers are never looked at.
// It gets no other thing of the system: no file, no clock, no network.
"use strict";

const SUCCESS = 0, BAD_FILE = 8, NOT_SUPPORTED = 52;
let ready;

onmessage = ({ data }) => {
  if (data.module) ready = data.module;
  if (data.question === undefined) return;
  try {
    run(ready, data.question);
  } catch (error) {
    postMessage({ broken: String(error) });
  }
  postMessage({ done: true });
};

function run(module, question) {
  const input = new TextEncoder().encode(question);
  let read = 0, memory;
  const bytes = () => new Uint8Array(memory.buffer), view = () => new DataView(memory.buffer);

  // The parts of memory that a list of pairs (address, length) names.
  const parts = (list, count) => Array.from({ length: count }, (_, i) =>
    bytes().subarray(view().getUint32(list + 8 * i, true), view().getUint32(list + 8 * i, true) + view().getUint32(list + 8 * i + 4, true)));

  class Exit extends Error {}
  const served = {
    fd_read(fd, list, count, size) {
      if (fd !== 0) return BAD_FILE;
      let total = 0;
      for (const part of parts(list, count)) {
        const piece = input.subarray(read, read + part.length);
        part.set(piece);
        read += piece.length;
        total += piece.length;
      }
      view().setUint32(size, total, true);
      return SUCCESS;
    },
    fd_write(fd, list, count, size) {
      if (fd !== 1 && fd !== 2) return BAD_FILE;
      let total = 0;
      for (const part of parts(list, count)) {
        const answer = part.slice();
        if (fd === 1) postMessage({ answer }, [answer.buffer]);
        total += part.length;
      }
      view().setUint32(size, total, true);
      return SUCCESS;
    },
    environ_sizes_get(count, size) {
      view().setUint32(count, 0, true);
      view().setUint32(size, 0, true);
      return SUCCESS;
    },
    environ_get: () => SUCCESS,
    args_sizes_get(count, size) { return served.environ_sizes_get(count, size); },
    args_get: () => SUCCESS,
    proc_exit() { throw new Exit(); },
  };
  const imports = {};
  for (const { module: from, name } of WebAssembly.Module.imports(module)) {
    imports[from] ??= {};
    imports[from][name] = served[name] ?? (name.startsWith("fd_") ? () => BAD_FILE : () => NOT_SUPPORTED);
  }
  const instance = new WebAssembly.Instance(module, imports);
  memory = instance.exports.memory;
  try {
    instance.exports._start();
  } catch (error) {
    if (!(error instanceof Exit)) throw error;
  }
}
