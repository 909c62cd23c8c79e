"""Guests that others make: fetched as packages of a distribution, made into files to boot."""
