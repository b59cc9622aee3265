"""From segments to flows: identity, lineage, states over time."""
