"""What a VAE's posteriors are, in words: the sentence about them below a table."""

import math

from gaedist.api.posterior import PosteriorReport
from gaedist.report.numbers import number


def posterior_sentence(report: PosteriorReport | None, dim: int) -> str:
    """Return the KL divergence of posteriors from N(0, I), its split, and the active units."""
    if report is None:
        return ""
    if report.kl is None:  # with another prior
        return f"{report.active_units} of {dim} units are active."
    kl = "infinite" if math.isinf(report.kl) else f"{number(report.kl)} nats"
    split = ""
    if report.mutual_information is not None:
        error = f" ± {report.mutual_information_se:.1g}" if report.mutual_information_se else ""
        split = (
            f": {number(report.mutual_information)}{error} of mutual information with the inputs, and "
            f"{number(report.aggregate_kl)} between the aggregate posterior and N(0, I)"
        )
    limit = f" {report.note[0].upper()}{report.note[1:]}" if split and report.note else ""
    return (
        f"The mean KL of the posteriors is {kl}{split}; {report.active_units} of {dim} units are active. "
        f"|z|²/D is {number(report.norm)}, and {number(report.norm_of_means)} for the means alone."
        f"{limit}"
    )
