"""The fidelity report: one HTML file, Markdown with pictures, both from results.json alone."""
