"""The public functions, one module for each, with its frozen result."""
