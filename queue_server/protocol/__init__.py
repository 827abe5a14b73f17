"""The vocabulary of Cuelight: pure values that cross a process boundary, and nothing that performs.

Importing this package loads no submodule, so that a light client pays only for what it uses.
"""
