"""metal: typed Python, compiled to native code for machines that have nothing else."""
