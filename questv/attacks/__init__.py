"""Attacks: what a kernel that has been taken over would try, each as one small function.

A function's docstring says what an attacker would gain by it. ``catalogue`` has them all, by
number; ``tests/attacks`` has them run from inside a real sandbox as kernel code. Each must end in a
crash record that names it rightly, or harm nobody but the attacker.
"""
