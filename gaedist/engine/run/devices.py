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
        reason = str(error).strip().partition("\n")[0].partition(". ")[0].rstrip(".")
        if "Expected one of" in reason or "Invalid device string" in reason:
            reason = "PyTorch knows no device of this name, as cuda, cuda:1, xpu and mps are"
        raise GaedistError(f"device {device} is not available: {reason}. Use cpu, or leave it out.") from None
