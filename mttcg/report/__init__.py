"""Reports as self-contained HTML pages with plots, made from plain data alone."""
