"""What a fork of the sandbox sends about arrays is what it found; its limits are tested in `test_sandbox`."""

import numpy as np

from gaedist.files.sandbox_child import _description, _message, _parts
from gaedist.files.stored_array import StoredArray, no_blocks


def test_adjacent_columns_stay_together():
    block = np.arange(12).reshape(3, 4)
    ((first, last, part),) = _parts(slice(None), 4, block)
    assert (first, last, part is block) == (0, 4, True)
    parts = list(_parts(np.array([7, 2]), 9, block[:, :2]))
    assert [(first, last) for first, last, _ in parts] == [(7, 8), (2, 3)]
    np.testing.assert_array_equal(np.hstack([part for *_, part in parts]), block[:, :2])


def test_types_are_named_by_short_texts():
    for dtype, text in ((">f4", ">f4"), ([("a", "f8")], "|V8"), ("O", "|O"), ("M8[25s]", "<M8[25s]")):
        array = StoredArray("x", (2, 3), np.dtype(dtype), None, no_blocks)
        assert _description(array)["dtype"] == text


def test_errors_are_one_sentence():
    assert _message(OSError(5, "Input/output error")) == "Input/output error."
    assert _message(MemoryError()).startswith("needs more memory than the sandbox has")
    assert _message(RecursionError()) == "cannot be read (RecursionError). It is damaged or malicious."
