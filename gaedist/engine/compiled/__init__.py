"""All code that Numba compiles, and what it shares with the Python code that drives it.

`arguments`, `integrands` and `sizes` import no Numba: drivers import them at the top, the others
where a kernel is called.
"""
