"""Inside the sandbox: runs cells in a Rust kernel, as JupyterLab does, on orders that come line by line.

Usage: runner.py KERNEL_COMMAND...      ({connection_file} in it is filled in)

An order is a line of JSON on the standard input, {"run": SOURCE}; so is the answer on the standard output,
{"status": "ok", "error" or "dead", "outputs": [...]}. Nothing that this program says is believed for a grade.
"""

import json
import subprocess
import sys
from queue import Empty

from jupyter_client.manager import KernelManager

TEXT = 20_000  # characters of output that are kept of a cell
LOUD = 2_000_000  # characters after which a cell is given up


def text_of(message):
    """What a message shows, as the name of a stream and its text."""
    content = message["content"]
    kind = message["msg_type"]
    if kind == "stream":
        return content["name"], content["text"]
    if kind in ("execute_result", "display_data"):
        return "stdout", content["data"].get("text/plain", "") + "\n"
    if kind == "error":
        return "stderr", "\n".join(content.get("traceback") or [content.get("evalue", "")]) + "\n"
    return None, ""


def run(manager, client, source):
    """Runs one cell until the kernel is idle again, has died, or prints without end."""
    request = client.execute(source, store_history=False)
    outputs, kept, heard, died, status = [], 0, 0, False, None
    while True:
        try:
            message = client.get_iopub_msg(timeout=1)
        except Empty:
            if not manager.is_alive():
                died = True
                break
            continue
        if message["parent_header"].get("msg_id") != request:
            continue
        if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
            break
        stream, text = text_of(message)
        heard += len(text)
        if heard > LOUD:
            return {"status": "loud", "outputs": outputs}
        text = text[:TEXT - kept]
        kept += len(text)
        if text and outputs and outputs[-1][0] == stream:
            outputs[-1][1] += text
        elif text:
            outputs.append([stream, text])
    if not died:
        try:
            while status is None:
                reply = client.get_shell_msg(timeout=10)
                if reply["parent_header"].get("msg_id") == request:
                    status = reply["content"]["status"]
        except Empty:
            died = True
    # evcxr goes on with a new process if the one that runs cells ends, without the variables of the old one.
    if any("Subprocess terminated" in text for _, text in outputs):
        died = True
    return {"status": "dead" if died else status, "outputs": outputs}


def main(command):
    manager = KernelManager()
    manager.kernel_spec.argv = command
    manager.start_kernel(stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(timeout=120)
    answers = sys.stdout
    print(json.dumps({"status": "ready"}), file=answers, flush=True)
    for line in sys.stdin:
        print(json.dumps(run(manager, client, json.loads(line)["run"])), file=answers, flush=True)
    manager.shutdown_kernel(now=True)


if __name__ == "__main__":
    main(sys.argv[1:])
