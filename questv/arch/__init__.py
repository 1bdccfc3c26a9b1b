"""What depends on the processor's architecture."""
