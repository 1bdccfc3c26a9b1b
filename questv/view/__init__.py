"""What people look at: renderables for the plan, for machines and for runs.

All of it reads well without colour, and the same whether it is piped or not; text that comes out
of a sandbox can't do anything to the terminal.
"""
