"""The boot: from the firmware's hands to one monitor on each core.

It runs once, on the first core, in an identity map of the lowest 4 GiB; nothing of it is visible
to a monitor or a sandbox. ``main`` is the whole order on one page.
"""
