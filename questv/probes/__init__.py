"""The platform's self-test: whether a machine does what isolation rests on, probe by probe.

Small guests try one thing each, on the bare machine, and the host looks at how they ended.
"""
