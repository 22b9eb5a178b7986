"""All code that Numba compiles."""
