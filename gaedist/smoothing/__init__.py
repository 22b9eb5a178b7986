"""Where σ comes from: a number, a file, a rule, a bandwidth, the mean field, or an optimisation.

`smooth` turns codes and σ into mixtures, `rules` is the registry; the other modules implement the rules.
"""
