"""The metrics, one file each, for one sample and for two, and their registry."""
