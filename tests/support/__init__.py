"""Shared by the tests: generated panels, and a short way to judge with them."""
