"""Explores every execution of a few threads under a memory model weaker than the machine's.

``behaviour`` runs each thread once for every row of answers that it can get, ``memory`` is the
model, ``explore`` goes through all that can happen, and ``orders`` weakens the memory orders that
the source names, one at a time.
"""
