"""Admission: whether every promise about time can be kept, worked out before anything runs."""
