"""What the kernel's scheduling is compared with: plain Python, written from the definitions."""
