"""What is measured, and what becomes of it: figures, verdicts, tables, a chart."""
