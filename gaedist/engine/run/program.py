"""What the bits of a result depend on, apart from data and settings."""

import numpy as np

from gaedist.version import __version__, code_digest

PROCESSOR = "processor"
"""The entry that may differ between machines of one cluster."""


def program() -> dict[str, str]:
    """Return the versions and the processor on which the bits of a result depend."""
    import numba
    from llvmlite.binding import get_host_cpu_name

    return {
        "gaedist": f"{__version__} ({code_digest()[:8]})",
        "numpy": np.__version__,
        "numba": numba.__version__,
        PROCESSOR: get_host_cpu_name(),
    }
