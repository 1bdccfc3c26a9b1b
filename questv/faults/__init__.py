"""Faults on purpose: into one sandbox of a running machine, at an exact moment; what comes of them.

``laboratory`` runs one machine with one fault, ``campaign`` many of them.
"""
