"""Commands of the pipeline, one module per subject. They parse arguments, call the pipeline and print the result."""
