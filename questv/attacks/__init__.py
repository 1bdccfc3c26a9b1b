"""Attacks: what a kernel that has been taken over would try, each as one small function.

They are run by ``tests/attacks`` from inside a real guarded sandbox as kernel code. Each must end
in a crash record that names it rightly, while the other sandboxes finish their work.
"""
