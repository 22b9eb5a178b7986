"""The connection of a command to a Dask cluster, whose scheduler the user has started."""

import asyncio
import json
import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gaedist.engine import Cluster
from gaedist.errors import GaedistError

ADDRESS = "DASK_SCHEDULER_ADDRESS"
"""The variable of the environment that has the address of the scheduler if no option has."""

_PATIENCE = 5.0  # seconds
_LOGGERS = "distributed", "distributed.client", "tornado.application", "asyncio"


@contextmanager
def connected(scheduler: str | None, scheduler_file: Path | None, shared_files: bool) -> Iterator[Any]:
    """Yield the cluster that options or the environment name, None if they name none.

    Raises
    ------
    GaedistError
        If options contradict each other, or no scheduler answers within ten seconds.
    """
    if scheduler == "":
        raise GaedistError("--scheduler is empty. Give an address such as tcp://host:8786, or leave it out.")
    if scheduler and scheduler_file:
        raise GaedistError("--scheduler and --scheduler-file exclude each other.")
    address = _address_in(scheduler_file) if scheduler_file else scheduler or os.environ.get(ADDRESS)
    if not address:
        if shared_files:
            raise GaedistError("--shared-files is for a cluster: add --scheduler ADDRESS.")
        yield None
        return
    try:
        from distributed import Client
    except ImportError as error:
        raise GaedistError("a cluster needs Dask: pip install 'gaedist[dask]'") from error
    for name in _LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL)  # what matters is said by errors and notes
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found = asyncio.run(_identity(address))  # or a client would be left half made
            if found != "Scheduler":
                raise GaedistError(f"{address} is a Dask {found.lower()}. Give the address of its scheduler.")
            client = Client(address, timeout=_PATIENCE, set_as_default=False)
        except GaedistError:
            raise
        except Exception as error:  # what does not speak Dask's protocol can raise anything
            raise GaedistError(
                f"no Dask scheduler answers at {address}. Check the address, or start one: dask scheduler."
            ) from error
        with client:
            yield Cluster(client, shares_files=shared_files)


async def _identity(address: str) -> str:
    """Return what answers at an address, such as ``Scheduler``; raise any exception if nothing does."""
    from distributed import Security, rpc

    encryption = Security().get_connection_args("client")
    async with (
        asyncio.timeout(_PATIENCE),
        rpc(address, timeout=_PATIENCE, connection_args=encryption) as scheduler,
    ):
        return str((await scheduler.identity())["type"])


def _address_in(path: Path) -> str:
    """Return the address in a file that ``dask scheduler --scheduler-file`` wrote."""
    try:
        address = json.loads(path.read_text())["address"]
        if not isinstance(address, str) or not address:
            raise ValueError
    except OSError as error:
        raise GaedistError(f"--scheduler-file {path}: {error.strerror or error}.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise GaedistError(f"--scheduler-file {path}: not a file that dask scheduler wrote.") from error
    return address
