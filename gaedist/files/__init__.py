"""Reading and checking codes from .npy, .npz and HDF5, and writing files atomically."""
