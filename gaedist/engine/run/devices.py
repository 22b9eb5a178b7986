"""The PyTorch devices on which sums can be made."""

from gaedist.errors import GaedistError, MissingExtraError


def check_device(device: str) -> None:
    """Raise `GaedistError` unless PyTorch is installed and has this device, with double precision."""
    try:
        import torch
    except ImportError:
        raise MissingExtraError("torch", "PyTorch", "sums on a device") from None
    try:
        torch.ones(1, dtype=torch.double, device=device).sum().item()
    except (RuntimeError, AssertionError, TypeError, NotImplementedError) as error:
        reason = str(error).strip().partition("\n")[0].rstrip(".")
        raise GaedistError(f"device {device} is not available: {reason}. Use cpu, or leave it out.") from None
