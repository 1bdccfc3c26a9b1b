"""The emitter: from the typed tree to LLVM's textual intermediate representation."""
