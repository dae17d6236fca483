"""What a person asks of the pipeline, one file for each thing that is asked about. These only call, ask and print."""
