"""Measures the product's own pipeline on public data; reports figures, never judges them."""
