"""The audit: proves that an image, or a running machine, allows what was declared and no more.

It reads the bytes that the processor will read, by the processor's manual (AMD64 Architecture
Programmer's Manual, volume 2), and holds them against the description. Nothing of what builds
those bytes is used here: not the builder of page tables, not the layout, not the permission maps,
not their constants. A mistake would have to be made twice to stay unseen.
"""
