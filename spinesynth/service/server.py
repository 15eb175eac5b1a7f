"""Run the service until it is told to stop."""

from __future__ import annotations

import logging
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn

from spinesynth.errors import ConfigError
from spinesynth.pipelines.run_lock import hold_folder
from spinesynth.service.access import refuse_open_address
from spinesynth.service.app import create_app
from spinesynth.service.deadline_protocol import DeadlineProtocol
from spinesynth.service.guard import Guard
from spinesynth.service.limits import Limits
from spinesynth.service.service import Service
from spinesynth.service.worker_process import Prepare

_JOBS = "jobs"
_KEEP_ALIVE_S = 5


def serve(
    prepare: Prepare,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    token: str | None = None,
    folder: Path | None = None,
    limits: Limits | None = None,
    model: str = "default",
    on_listening: Callable[[str], None] = lambda address: None,
) -> None:
    """Answer requests until SIGTERM or SIGINT; the running job may end first.

    Args:
        prepare: makes what segments, in the worker process; must survive pickling.
        host: address to listen at; another than this machine's own needs a token.
        port: to listen at; 0 for any that is free.
        token: that requests must bear.
        folder: where jobs are kept, so that they survive a restart; None for a temporary one,
            which is removed at the end.
        limits: that bound the service.
        model: name of what segments.
        on_listening: called with the address once it is bound.

    Raises:
        ConfigError: if the address needs a token or cannot be bound, or another process
            uses the folder.
        SpineSynthError: as ``prepare`` raised it, or if no worker could be started.
    """
    refuse_open_address(host, token)
    limits = limits or Limits()
    with _jobs_folder(folder) as jobs, _listen(host, port) as listener:
        service = Service(jobs, prepare, limits=limits, token=token, model=model)
        try:
            name = f"[{host}]" if ":" in host else host
            on_listening(f"http://{name}:{listener.getsockname()[1]}")
            _run(service, create_app(service), listener)
        finally:
            service.close()
    if service.runner.failure is not None:
        raise service.runner.failure


def _run(service: Service, app: Guard, listener: socket.socket) -> None:
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    config = uvicorn.Config(
        app,
        http=DeadlineProtocol,
        ws="none",
        loop="asyncio",
        lifespan="off",
        access_log=False,  # the guard's own holds no ids of jobs
        log_config=None,
        proxy_headers=False,
        server_header=False,
        limit_concurrency=service.limits.connections,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=max(1, round(service.limits.drain_s)),
        h11_max_incomplete_event_size=service.limits.header_bytes,
    )
    server = _Server(config, on_exit=service.runner.stop)

    def give_up() -> None:
        server.should_exit = True

    service.runner.start(on_failure=give_up)
    server.run(sockets=[listener])


class _Server(uvicorn.Server):
    """Tell the runner to stop before connections are waited for, not after.

    Args:
        config: of uvicorn.
        on_exit: called once it was told to stop.
    """

    def __init__(self, config: uvicorn.Config, *, on_exit: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_exit = on_exit

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop: the running job and the requests that wait for it have the same time."""
        self._on_exit()
        await super().shutdown(sockets)


def _listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens at an address."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except (OSError, OverflowError) as error:
        raise ConfigError(
            f"cannot listen at {host} port {port} ({error}); choose another --port or --host",
            code="E-SERVE-018",
        ) from error


@contextmanager
def _jobs_folder(folder: Path | None) -> Iterator[Path]:
    """Give the folder of the jobs: the one named, held alone, or a temporary one."""
    if folder is None:
        with tempfile.TemporaryDirectory(prefix="spinesynth-") as temporary:
            yield Path(temporary) / _JOBS
        return
    with hold_folder(folder):
        yield folder / _JOBS
