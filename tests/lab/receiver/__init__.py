"""A webhook receiver: verifies with the official library, records, and misbehaves when told to."""
