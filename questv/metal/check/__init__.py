"""The checker: from Python source to the typed tree, or to errors that say how to mend it."""
