"""A simulator of the supplier (Nivoda): its GraphQL endpoint with real stones, and a control port that tells the truth."""
