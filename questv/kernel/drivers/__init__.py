"""[metal] What drives the devices below streams: a kernel has the drivers that its plan names."""
