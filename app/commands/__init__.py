"""Commands of the API's command line, one module for each group."""
