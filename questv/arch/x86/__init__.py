"""x86-64: instructions, tables and devices, as AMD's and Intel's manuals define them.

APM is AMD's Architecture Programmer's Manual, SDM Intel's Software Developer's Manual.
"""
