"""Runs the typed tree of metal functions on an abstract machine, one memory access at a time.

A run is a generator that stops at every access to a cell, at every plain access to memory that
was declared shared, and at every fence; whoever drives it decides what the access sees and what
happens next (``events``). Private memory is the run's own, and exact to the byte: what lies
outside what was mapped is a fault. This is how code for several cores is put under memory models
that are weaker than the machine at hand.

Integer code only: floating point and assembly are refused, unless a model stands in for the
function that uses them.
"""
