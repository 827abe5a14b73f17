"""The pure core: decides what happens, and performs nothing.

It imports values of the protocol only: no sockets, no store, no clock, no chance.
"""
