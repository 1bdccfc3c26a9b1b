"""Looks into a machine: its memory, live or copied, as typed values that never change.

``inspector`` reads a machine that runs a known plan; ``report`` has what stays of a run.
Everything that a sandbox can write is hostile: it can say anything, but not make a reader fail.
Nothing here prints.
"""
