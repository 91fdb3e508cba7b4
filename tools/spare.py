"""Keeps one Rust kernel waiting while JupyterLab runs: a notebook's kernel is there at once, and so is a restarted one.

This is an extension of Jupyter's server, loaded by .venv/etc/jupyter/jupyter_server_config.py (see setup.sh). So only
JupyterLab has it: tests, grading and other editors start their kernels as ever. With SPARE=off or on a hub none waits.

JupyterLab gets to know of a kernel, new or not, when it has answered. It would ask twice a second for an answer, by a
connection that it closes with the first one; and evcxr ends when it has an answer for a connection that is closed. With
the kernel goes what JupyterLab has asked it to run, for which it then waits for ever.

The kernel that waits has been asked for a completion below the usual `:dep`, as by the Tab key. That leaves no trace,
but rust-analyzer then knows the crates. No cell has run in it, so it is as good as new.

It is handed over if the notebook wants what it was started for: the same folder, variables, command and files. If not,
it ends, and a new kernel starts. The next one to wait is started when all kernels have been idle for a moment. It ends
with JupyterLab, even if that is killed: the launcher sees to it.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

from jupyter_client.asynchronous import AsyncKernelClient
from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager, KernelManager
from jupyter_client.provisioning import KernelProvisionerFactory, LocalProvisioner
from jupyter_server.serverapp import ServerApp
from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection

import kernel as launcher

KERNEL = "rust"
QUIET = timedelta(seconds=5)  # so long no kernel has run a cell before the next one is started to wait
SECONDS = 120.0  # what a kernel that waits may take to answer
END_SECONDS = 30.0  # what Jupyter may take to end one

PATH = ':dep zero-init = { path = ".." }'
WORKSPACE = ":dep zero-init = { workspace = true }\n:dep exercise = { workspace = true }"
CELL = "{dep}\nuse zero_init::prelude::*;\nlet data = circles_train();\ncircles_t"


class Spare:
    """The kernel that waits, if there is one."""

    def __init__(self) -> None:
        self.manager: AsyncKernelManager | None = None
        self._made_for: tuple[object, ...] = ()
        self.warm: asyncio.Future[None] | None = None  # done when it has answered
        self._ending: asyncio.Future[None] | None = None
        self.keeper: asyncio.Future[None] | None = None

    async def start(self, specs: KernelSpecManager, folder: str) -> None:
        """Starts a kernel in this folder, to wait."""
        manager = AsyncKernelManager(kernel_name=KERNEL, kernel_spec_manager=specs)
        manager.provisioner = LocalProvisioner(kernel_id="spare", kernel_spec=manager.kernel_spec, parent=manager)
        assert manager.kernel_spec
        made_for = self._request(manager.kernel_spec.argv, folder, os.environ)
        await manager.start_kernel(cwd=folder)
        self.manager, self._made_for = manager, made_for
        self.warm = asyncio.ensure_future(self._warm_up(manager, folder))

    def take(self, argv: list[str], folder: str, variables: Mapping[str, str]) -> AsyncKernelManager | None:
        """Hands the kernel that waits over to one that wants this, if it is what was wanted; else it ends."""
        manager, self.manager = self.manager, None
        if manager is None:
            return None
        if process_of(manager).poll() is None and self._made_for == self._request(argv, folder, variables):
            return manager
        self._ending = asyncio.ensure_future(end(manager))
        return None

    async def _warm_up(self, manager: AsyncKernelManager, folder: str) -> None:
        code = CELL.format(dep=PATH if Path(folder).resolve().parent == launcher.REPOSITORY else WORKSPACE)
        await reply_of(manager, lambda client: client.complete(code, len(code), reply=True, timeout=SECONDS))

    @staticmethod
    def _request(argv: list[str], folder: str, variables: Mapping[str, str]) -> tuple[object, ...]:
        """What a kernel is started for, with the state of the files that it reads when it starts."""
        settings = Path(folder, "evcxr.toml")
        time = settings.stat().st_mtime_ns if settings.exists() else None
        # This one names the notebook.
        others = {name: value for name, value in variables.items() if name != "JPY_SESSION_NAME"}
        return tuple(argv), os.path.realpath(folder), time, others, launcher.key(None)


async def reply_of(manager: KernelManager, ask: Callable[[AsyncKernelClient], Awaitable[object]]) -> None:
    """Asks a kernel something, and returns when it has answered, has ended or takes too long."""
    client = AsyncKernelClient()
    client.load_connection_info(manager.get_connection_info())
    client.start_channels(iopub=False, stdin=False, hb=False, control=False)
    reply = asyncio.ensure_future(ask(client))
    while not reply.done() and process_of(manager).poll() is None:
        await asyncio.wait({reply}, timeout=0.1)
    reply.cancel()
    await asyncio.gather(reply, return_exceptions=True)
    client.shell_channel.stop()


async def end(manager: AsyncKernelManager) -> None:
    """Ends a kernel as Jupyter does, or, if Jupyter does not come to an end with it, by its process alone."""
    process = process_of(manager)
    with suppress(Exception):  # whatever it is, nobody else has this kernel any more
        await asyncio.wait_for(manager.shutdown_kernel(), END_SECONDS)
    if process.poll() is None:
        process.terminate()  # and the launcher removes its folder


def process_of(manager: KernelManager) -> subprocess.Popen[bytes]:
    """The process of a kernel that has been started."""
    assert isinstance(manager.provisioner, LocalProvisioner) and manager.provisioner.process
    return manager.provisioner.process


SPARE = Spare()


class Provisioner(LocalProvisioner):
    """Starts kernels for JupyterLab, or takes the one that waits."""

    last_folder = ""
    last_start = datetime.min.replace(tzinfo=timezone.utc)
    number_starting = 0
    _spare: AsyncKernelManager | None = None  # what was taken
    _may_take = True

    async def shutdown_requested(self, restart: bool = False) -> None:
        """Takes note of a restart that was asked for: JupyterLab connects anew after it, but not when a kernel died."""
        await super().shutdown_requested(restart=restart)
        self._may_take = restart

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        """Starts a kernel, or returns how to connect to the one that waits."""
        argv, may_take, self._may_take = self.kernel_spec.argv, self._may_take, False
        if os.path.realpath(launcher.__file__) not in map(os.path.realpath, argv):
            return await super().launch_kernel(cmd, **kwargs)
        Provisioner.last_folder = str(kwargs.get("cwd") or os.getcwd())
        Provisioner.number_starting += 1
        try:
            spare = SPARE.take(argv, self.last_folder, kwargs.get("env", os.environ)) if may_take else None
            if spare and SPARE.warm:
                await SPARE.warm
                self._spare, self.process, self.cwd = spare, process_of(spare), self.last_folder
                self.pid = self.pgid = self.process.pid  # the launcher leads its group
                self.connection_info = spare.get_connection_info()
                self._have_all_connect_anew()
            else:
                await super().launch_kernel(cmd, **kwargs)
                assert isinstance(self.parent, KernelManager)
                await reply_of(self.parent, lambda client: client.kernel_info(reply=True, timeout=SECONDS))
        finally:
            Provisioner.number_starting -= 1
            Provisioner.last_start = datetime.now(timezone.utc)
        return self.connection_info

    def _have_all_connect_anew(self) -> None:
        """Ends the connections to the kernel before: JupyterLab makes new ones, other tabs and consoles included."""
        for connection in list(ZMQChannelsWebsocketConnection._open_sockets):
            if connection.kernel_id == self.kernel_id:
                connection.websocket_handler.close()

    async def cleanup(self, restart: bool = False) -> None:
        """Removes what is left of a kernel that has ended."""
        await super().cleanup(restart=restart)
        if self._spare:
            self._spare.cleanup_connection_file()


async def keep_one_waiting(app: ServerApp) -> None:
    """Starts a kernel to wait whenever there is none and no other kernel has anything to do."""
    while not SPARE.manager or process_of(SPARE.manager).poll() is None:  # one that died by itself would do so again
        quiet = datetime.now(timezone.utc) - QUIET
        kernels: list[Any] = [app.kernel_manager.get_kernel(id) for id in app.kernel_manager.list_kernel_ids()]
        idle = all(kernel.execution_state == "idle" and kernel.last_activity < quiet for kernel in kernels)
        if not SPARE.manager and not Provisioner.number_starting and Provisioner.last_start < quiet and idle:
            assert app.kernel_spec_manager
            await SPARE.start(app.kernel_spec_manager, Provisioner.last_folder or app.root_dir)
        await asyncio.sleep(1)


def use(factory: KernelProvisionerFactory) -> None:
    """Has all kernels of this process started by Provisioner."""
    factory.provisioners[__name__] = EntryPoint(__name__, f"{__name__}:Provisioner", factory.GROUP_NAME)
    factory.default_provisioner_name = __name__


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    """Tells Jupyter's server where the two functions below are."""
    return [{"module": __name__}]


def _load_jupyter_server_extension(app: ServerApp) -> None:
    """Is called before the server runs."""
    use(KernelProvisionerFactory.instance(parent=app))


async def _start_jupyter_server_extension(app: ServerApp) -> None:
    """Is called when the server runs."""
    if os.environ.get("SPARE") != "off" and "JUPYTERHUB_USER" not in os.environ:
        app.log.info("one kernel is kept waiting")
        SPARE.keeper = asyncio.ensure_future(keep_one_waiting(app))
