"""The public functions, one module each, with their frozen results."""
