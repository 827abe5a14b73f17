"""Measurements beside other systems and beside what the machine allows, run from the checkout.

python -m benchmarks.NAME --help        a module of this package that is a program
make bench                              all of them
"""
