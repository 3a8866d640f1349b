"""Copies an installation from the stores of one profile to those of another."""
