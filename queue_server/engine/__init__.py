"""The thin engine: takes what happens, lets the core decide, and performs what it orders."""
