"""Figures: heat maps, spectra and grids of numbers."""
