"""Where σ comes from: a number, a file, a rule, a bandwidth, the mean field, or an optimisation."""
