"""LLVM's language as data: values, instructions, blocks, and pieces that are supplied later.

Code is built by a `Builder`, and becomes text when its `Function` is written.
"""
