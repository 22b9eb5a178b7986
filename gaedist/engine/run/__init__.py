"""How a sum over pairs is computed: its description, settings, threads, labels and checkpoints."""
