"""Files that all machines of a cluster see, which each worker reads instead of receiving the array."""

import socket
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from gaedist.engine.run.parcels import array_digest
from gaedist.errors import ClusterError, GaedistError
from gaedist.files.codes import read_latents
from gaedist.files.selection import Selection


@dataclass(frozen=True)
class SharedFile:
    """An array that is read from a file.

    Attributes
    ----------
    name : str
        The file, with an absolute path.
    selection : Selection
        Which array and rows.
    digest : str
        The `array_digest` of what it must hold.
    """

    name: str
    selection: Selection
    digest: str

    def read(self) -> NDArray[Any]:
        """Return the array; raise `ClusterError` if this machine does not see the same file."""
        try:
            found = read_latents(self.name, self.selection).codes
        except (GaedistError, OSError) as error:
            raise ClusterError(f"on worker {socket.gethostname()}: {error} {_REMEDY}") from error
        if array_digest(found) != self.digest:
            raise ClusterError(f"{self.name} differs on worker {socket.gethostname()}. {_REMEDY}")
        return found


_REMEDY = "Leave out --shared-files."
