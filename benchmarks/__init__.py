"""What Cat House is measured by: ratios inside one run, or counts. ``make bench`` runs all, ``make bench ONLY=P4`` one.

Figures are printed as a table and written to benchmarks/results/latest.json. Nothing here passes or fails.
"""
