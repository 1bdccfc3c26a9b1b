"""Quest-V: a virtualized multikernel for high-confidence systems, in typed Python."""
