"""Null distributions: closed forms, limits, Monte Carlo with its cache, and permutations of labels."""
