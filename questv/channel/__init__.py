"""Channels: memory that exactly two kernels share, and how messages pass through it.

Each side of a channel has an area that only it can write; the other side can read it and no more,
by nested page tables. Everything read from the other side's area is hostile until it has been
checked. The code here is pure logic over memory: it neither blocks nor rings, which is the
kernel's business (``questv.kernel.channels``).
"""
