"""Reading and checking codes from files of many formats, and writing files atomically.

`codes` gives checked codes, as `layouts` arranges them, and `samples` those of several arrays, which `names`
finds and `stacks` joins; `in_memory` takes arrays of other libraries; `arrays` opens a file and finds an
array in it, as a `StoredArray` that the module of its format lists; `formats` is the registry; `sandbox`
has another process do this for files that are not trusted; `atomic` writes files that are either complete
or not there.
"""
