"""Measurements of Quest-V: ``python -m benchmarks`` prints and stores them all."""
