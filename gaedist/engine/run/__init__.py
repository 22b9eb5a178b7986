"""How a sum is computed: settings, threads, and checkpoints."""
