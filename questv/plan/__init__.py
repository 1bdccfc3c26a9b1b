"""From a checked description to an image: programs, physical layout, tables, and the file.

The plan is worked out by ordinary Python before the machine boots, and nothing on the machine can
change it. Every page of memory that it uses has one owner, or sharers that the description names.
"""
