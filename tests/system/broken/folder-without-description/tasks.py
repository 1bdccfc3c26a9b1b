"""A folder that has tasks, but no description of a system."""
