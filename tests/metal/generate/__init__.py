"""Random metal programs together with a model of what they do.

A program is a tree of nodes. Each node can write itself as source text and can run itself on
plain Python integers; nothing here knows the compiler.
"""
