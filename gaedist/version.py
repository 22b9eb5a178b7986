"""The version, and a digest that identifies the code of the package to the last byte."""

from functools import cache

__version__ = "0.1.0"


@cache
def code_digest() -> str:
    """Return the SHA-256 of the names and contents of all modules of the package, in hexadecimal.

    It keys what outlives a process: compiled code, simulated null distributions and checkpoints.
    """
    import hashlib
    from pathlib import Path

    root = Path(__file__).parent
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(root).as_posix()} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()
