"""Results as a table, a verdict in words, JSON lines, TSV, or the bare value."""
