"""In-memory search index: computes totals, facets and page ids from columns in memory. Postgres returns the rows."""
