"""In-memory search index: totals, facets and the ids of pages from columns in memory; the rows come from Postgres."""
