"""Supplier simulator (Nivoda): its GraphQL endpoint over real stones, and a control API that returns the ground truth."""
