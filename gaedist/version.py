"""The version, and digests that identify the code of the package to the last byte."""

from functools import cache

__version__ = "0.1.0"


@cache
def code_digest(part: str = "") -> str:
    """Return the SHA-256 of the names and contents of all modules of the package, in hexadecimal.

    It keys what outlives a process: simulated null distributions, checkpoints and, with a digest of the
    modules of one ``part`` (a folder or a module of the package) only, compiled code.
    """
    import hashlib
    from pathlib import Path

    root = Path(__file__).parent
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        name, content = path.relative_to(root).as_posix(), path.read_bytes()
        if name.startswith(part):
            digest.update(f"{name} {len(content)}\n".encode())
            digest.update(content)
    return digest.hexdigest()
