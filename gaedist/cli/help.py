"""What the commands do, which help shows without loading them."""

ABOUT = {
    "score": """Score latent codes: how far are they from N(0, I), and is that more than chance?

    Example: gaedist score checkpoints/*.npy --fail-z 4""",
    "compare": """Compare two samples: how far apart are their smoothed densities, and is that chance?

    Example: gaedist compare codes.h5::train codes.h5::test --permutations 999""",
    "sigma": """Choose the σ of each point by a rule, and write them to a file that --sigma takes.

    Example: gaedist sigma codes.npy --sigma optimize -o sigma.npy""",
    "inspect": """Inspect files: the arrays inside, their first moments, and what is wrong with them.

    Example: gaedist inspect codes.h5""",
}
"""Command → what it does, and an example."""
