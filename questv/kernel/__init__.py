"""The sandbox kernel: one core, its own memory, tasks that share nothing with other kernels.

``main`` is the whole start on one page. A kernel is linked at the same virtual addresses in every
sandbox; its page tables, which the builder makes, put it in its own place.
"""
