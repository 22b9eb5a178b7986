"""Reading and checking codes from .npy, .npz and HDF5, and writing files atomically.

`codes` gives checked codes, as `layouts` arranges them, and `samples` those of several arrays, which `names`
finds and `stacks` joins; `arrays` opens a file and finds an array in it, as a `StoredArray` that `npy`,
`npz` or `hdf5` lists; `sandbox` has another process do this for files that are not trusted; `atomic` writes
files that are either complete or not there.
"""
