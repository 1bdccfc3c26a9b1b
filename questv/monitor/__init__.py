"""The monitor: one under each kernel, sharing nothing with the others but what they may read.

It starts its kernel and then does nothing until the kernel rings a guarded doorbell, calls it, or
does what its plan does not allow. ``main`` is where it starts; ``svm`` is the one module that
knows how AMD's processors run a guest, behind the functions that ``exits`` calls.
"""
