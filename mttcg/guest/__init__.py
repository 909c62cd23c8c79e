"""The guest file: read and checked, and put into RAM before the harts start."""
